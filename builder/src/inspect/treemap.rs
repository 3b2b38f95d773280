//! A squarified treemap (Bruls, Huizing, van Wijk, 2000) of a package's folders as SVG: areas are bytes.

use super::text::plain;
use super::tree::{bytes, Node};
use std::fmt::Write;

const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 560.0;
/// What a folder's name takes above what is in it.
const TITLE: f64 = 16.0;
/// Sides below this many units are not divided any further.
const SMALLEST: f64 = 26.0;
/// Areas below this are one with their neighbours.
const LEAST_AREA: f64 = 30.0;
/// Rectangles of one map.
const MOST: usize = 3000;
const DEEPEST: usize = 8;
/// Hues in degrees; the golden angle keeps neighbours apart.
const BLUE: f64 = 210.0;
const GOLDEN_ANGLE: f64 = 137.5;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Rect {
    x: f64,
    y: f64,
    w: f64,
    h: f64,
}

/// The map as an SVG element; empty where there is nothing to show.
pub fn svg(root: &Node) -> String {
    if root.size == 0 {
        return String::new();
    }
    let mut map = Map { out: String::new(), left: MOST };
    map.folder(root, "", Rect { x: 0.0, y: 0.0, w: WIDTH, h: HEIGHT }, 0, None);
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"sizes of files and folders\" \
         xmlns=\"http://www.w3.org/2000/svg\" font-family=\"system-ui,sans-serif\" font-size=\"11\">{}</svg>",
        map.out
    )
}

struct Map {
    out: String,
    left: usize,
}

impl Map {
    /// Draws what is in a folder into its rectangle; `hue` is the colour of its branch.
    fn folder(&mut self, node: &Node, path: &str, rect: Rect, depth: usize, hue: Option<f64>) {
        let unit = rect.w * rect.h / node.size as f64;
        let children: Vec<(&str, &Node)> =
            node.by_size().into_iter().take_while(|(_, child)| child.size as f64 * unit >= LEAST_AREA).collect();
        let shown: u64 = children.iter().map(|(_, child)| child.size).sum();
        let mut areas: Vec<f64> = children.iter().map(|(_, child)| child.size as f64 * unit).collect();
        // What is too small to be seen keeps its place.
        areas.push(node.size.saturating_sub(shown) as f64 * unit);
        for (index, ((name, child), rect)) in children.iter().zip(squarified(&areas, rect)).enumerate() {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            // Branches begin where no child has nearly everything.
            let divided = children[0].1.size < node.size / 10 * 9;
            let hue = hue.or(divided.then(|| (index as f64 * GOLDEN_ANGLE + BLUE) % 360.0));
            self.one(child, &format!("{path}/{name}"), name, rect, depth, hue);
        }
    }

    fn one(&mut self, node: &Node, path: &str, name: &str, rect: Rect, depth: usize, hue: Option<f64>) {
        let shade = hue.unwrap_or(BLUE);
        let light = 46 + (depth.min(6) * 6);
        let Rect { x, y, w, h } = rect;
        let title = format!("{} {}, {} files", plain(path), bytes(node.size), node.files);
        // Writing to a String cannot fail.
        let _ = write!(
            self.out,
            "<g><title>{}</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" \
             fill=\"hsl({shade:.0},45%,{light}%)\" stroke=\"#fff\" stroke-width=\"1\"/>",
            escaped(&title)
        );
        const LETTER: f64 = 6.3;
        let letters = ((w - 8.0) / LETTER) as usize;
        if h >= TITLE && letters >= 3 {
            let label: String = plain(name).chars().take(letters).collect();
            let fill = if light > 62 { "#111" } else { "#fff" };
            let _ =
                write!(self.out, "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{fill}\">{}</text>", x + 4.0, y + 12.0, escaped(&label));
        }
        self.out.push_str("</g>");
        let inner = Rect { x: x + 2.0, y: y + TITLE, w: w - 4.0, h: h - TITLE - 2.0 };
        if node.is_folder() && depth < DEEPEST && inner.w >= SMALLEST && inner.h >= SMALLEST {
            self.folder(node, path, inner, depth + 1, hue);
        }
    }
}

/// Rectangles with these areas, largest first, that fill `rect` with as little difference between their sides as a greedy choice finds.
fn squarified(areas: &[f64], mut rect: Rect) -> Vec<Rect> {
    let mut placed = Vec::with_capacity(areas.len());
    let mut at = 0;
    while at < areas.len() {
        let side = rect.w.min(rect.h).max(f64::EPSILON);
        let mut end = at + 1;
        while end < areas.len() && worst(&areas[at..=end], side) <= worst(&areas[at..end], side) {
            end += 1;
        }
        let row: f64 = areas[at..end].iter().sum();
        let thickness = row / side;
        let mut along = 0.0;
        for area in &areas[at..end] {
            let len = if thickness > 0.0 { area / thickness } else { 0.0 };
            placed.push(match rect.w >= rect.h {
                true => Rect { x: rect.x, y: rect.y + along, w: thickness, h: len },
                false => Rect { x: rect.x + along, y: rect.y, w: len, h: thickness },
            });
            along += len;
        }
        if rect.w >= rect.h {
            (rect.x, rect.w) = (rect.x + thickness, (rect.w - thickness).max(0.0));
        } else {
            (rect.y, rect.h) = (rect.y + thickness, (rect.h - thickness).max(0.0));
        }
        at = end;
    }
    placed
}

/// The worst ratio of sides in a row along `side`.
fn worst(row: &[f64], side: f64) -> f64 {
    let sum: f64 = row.iter().sum();
    let (most, least) = row.iter().fold((0.0_f64, f64::MAX), |(most, least), &area| (most.max(area), least.min(area)));
    if least <= 0.0 {
        return f64::MAX;
    }
    (side * side * most / (sum * sum)).max(sum * sum / (side * side * least))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_kept_and_nothing_leaves_the_frame() {
        let frame = Rect { x: 0.0, y: 0.0, w: 600.0, h: 400.0 };
        // The example of the paper.
        let areas: Vec<f64> = [6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0].iter().map(|size| size * 10_000.0).collect();
        let placed = squarified(&areas, frame);
        for (rect, area) in placed.iter().zip(&areas) {
            assert!((rect.w * rect.h - area).abs() < 0.01, "{rect:?}");
            assert!(rect.x >= -0.01 && rect.y >= -0.01 && rect.x + rect.w <= 600.01 && rect.y + rect.h <= 400.01, "{rect:?}");
        }
        assert_eq!(placed[0], Rect { x: 0.0, y: 0.0, w: 300.0, h: 200.0 });
    }

    #[test]
    fn hostile_names_stay_text() {
        let mut root = Node { size: 10, files: 1, ..Node::default() };
        root.children.push(("</title><script>alert(1)</script>\"", Node { size: 10, files: 1, ..Node::default() }));
        let svg = svg(&root);
        assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script"), "{svg}");
    }
}
