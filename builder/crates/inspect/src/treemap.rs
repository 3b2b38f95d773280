//! Squarified treemaps (Bruls, Huizing, van Wijk, 2000) of a package's folders as SVG: areas are bytes. The largest folders have a map of
//! their own, to which links lead: the page needs no script for that.

use super::text::plain;
use super::tree::{bytes, Node};
use serde::Serialize;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt::Write;

/// A drawing's width and height, in pixels as wide screens and phones show them.
const WIDE: (f64, f64) = (1200.0, 520.0);
const NARROW: (f64, f64) = (360.0, 420.0);
/// Maps of one page, and the part of everything that a folder must be to have one: one in so many.
const MOST_MAPS: usize = 32;
const LEAST_SHARE: u64 = 500;
/// Rectangles of the first map, and of each other one.
const MOST_FIRST: usize = 800;
const MOST_OTHER: usize = 150;
/// What is listed below a map.
const LISTED: usize = 12;
/// What a folder's name takes above what is in it.
const TITLE: f64 = 17.0;
/// Sides below this are not divided any further.
const SMALLEST: f64 = 26.0;
/// Areas below this are one with their neighbours.
const LEAST_AREA: f64 = 120.0;
const DEEPEST: usize = 8;
/// A letter's width on average: of a file's name, and of a folder's, which is bold.
const LETTER: f64 = 6.4;
const BOLD_LETTER: f64 = 7.4;
/// Hues in degrees; the golden angle keeps neighbours apart.
const BLUE: f64 = 210.0;
const GOLDEN_ANGLE: f64 = 137.5;

/// A folder's map.
#[derive(Debug, Serialize)]
pub struct Map {
    /// The folder; empty for the whole package.
    pub path: String,
    /// Its size for people.
    pub size: String,
    /// How many files are in it.
    pub files: usize,
    /// The map of the folder that it is in, by its place in the list.
    pub up: Option<usize>,
    /// SVG for wide screens.
    pub wide: String,
    /// SVG for phones.
    pub narrow: String,
    /// The largest of what is in it.
    pub rows: Vec<Row>,
    /// How many others there are.
    pub others: usize,
}

/// What is in a folder.
#[derive(Debug, Serialize)]
pub struct Row {
    name: String,
    size: String,
    percent: u64,
    files: usize,
    map: Option<usize>,
}

/// The maps, that of everything first; none where there is nothing to show.
pub fn maps(root: &Node, separator: char) -> Vec<Map> {
    if root.size == 0 {
        return Vec::new();
    }
    let chosen = chosen(root, separator);
    let places: BTreeMap<&str, usize> = chosen.iter().enumerate().map(|(at, one)| (one.path.as_str(), at)).collect();
    let draw = |one: &Chosen, first: bool, (w, h): (f64, f64)| {
        let left = if first { MOST_FIRST } else { MOST_OTHER };
        let mut drawing = Drawing { out: String::new(), left, separator, places: &places };
        drawing.all(one.node, &one.path, Rect { x: 0.0, y: 0.0, w, h });
        format!("<svg viewBox=\"0 0 {w} {h}\" role=\"img\" aria-label=\"sizes\">{}</svg>", drawing.out)
    };
    let map = |(at, one): (usize, &Chosen)| {
        let (rows, others) = rows(one, separator, &places);
        Map {
            path: one.path.clone(),
            size: bytes(one.node.size),
            files: one.node.files,
            up: one.up,
            wide: draw(one, at == 0, WIDE),
            narrow: draw(one, at == 0, NARROW),
            rows,
            others,
        }
    };
    chosen.iter().enumerate().map(map).collect()
}

/// A folder that waits for its turn: the largest has it first.
struct Chosen<'a, At = ()> {
    node: &'a Node<'a>,
    path: String,
    up: Option<usize>,
    at: At,
}

impl<At> Ord for Chosen<'_, At> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.node.size.cmp(&other.node.size).then_with(|| other.path.cmp(&self.path))
    }
}

impl<At> PartialOrd for Chosen<'_, At> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<At> PartialEq for Chosen<'_, At> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<At> Eq for Chosen<'_, At> {}

/// The largest folders, each after the one that it is in.
fn chosen<'a>(root: &'a Node<'a>, separator: char) -> Vec<Chosen<'a>> {
    let mut chosen: Vec<Chosen> = Vec::new();
    let mut waiting = BinaryHeap::from([Chosen { node: root, path: String::new(), up: None, at: () }]);
    while let Some(one) = waiting.pop().filter(|_| chosen.len() < MOST_MAPS) {
        let (node, path) = (one.node, one.path.clone());
        chosen.push(one);
        for (name, child) in node.by_size() {
            let (path, child) = child.unbranched(&joined(&path, name, separator), separator);
            let worth = child.children.len() > 1 && child.size > 0 && child.size >= root.size / LEAST_SHARE;
            if worth {
                waiting.push(Chosen { node: child, path, up: Some(chosen.len() - 1), at: () });
            }
        }
    }
    chosen
}

fn joined(path: &str, name: &str, separator: char) -> String {
    match path.is_empty() {
        true => name.to_owned(),
        false => format!("{path}{separator}{name}"),
    }
}

/// What to list of a folder: its content, or that of the folder in it that has nearly everything.
fn parted<'a>(one: &Chosen<'a>, separator: char) -> (String, &'a Node<'a>) {
    let (mut path, mut node) = (one.path.clone(), one.node);
    while let Some((name, child)) =
        node.by_size().first().filter(|(_, child)| child.is_folder() && child.size > node.size / 10 * 9)
    {
        (path, node) = (joined(&path, name, separator), child);
    }
    (path, node)
}

fn rows(one: &Chosen, separator: char, places: &BTreeMap<&str, usize>) -> (Vec<Row>, usize) {
    let (path, node) = parted(one, separator);
    let row = |(name, child): (&str, &Node)| {
        let (path, child) = child.unbranched(&joined(&path, name, separator), separator);
        let shown = path.get(one.path.len()..).unwrap_or(name).trim_start_matches(separator);
        Row {
            name: shown.to_owned() + if child.is_folder() { "/" } else { "" },
            size: bytes(child.size),
            percent: (u128::from(child.size) * 100 / u128::from(one.node.size.max(1))) as u64,
            files: child.files,
            map: places.get(path.as_str()).copied(),
        }
    };
    (node.by_size().into_iter().take(LISTED).map(row).collect(), node.children.len().saturating_sub(LISTED))
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Rect {
    x: f64,
    y: f64,
    w: f64,
    h: f64,
}

/// One map while it is drawn.
struct Drawing<'a> {
    out: String,
    left: usize,
    separator: char,
    /// The maps by their folders.
    places: &'a BTreeMap<&'a str, usize>,
}

/// Where a folder's content goes, how deep it lies, and the colour of its branch.
type Spot = (Rect, usize, Option<f64>);

impl<'a> Drawing<'a> {
    /// Draws what is in a folder, the largest of it in most detail.
    fn all(&mut self, node: &'a Node<'a>, path: &str, frame: Rect) {
        let mut waiting = BinaryHeap::from([Chosen { node, path: path.to_owned(), up: None, at: (frame, 0, None) }]);
        while let Some(one) = waiting.pop().filter(|_| self.left > 0) {
            self.folder(&one, &mut waiting);
        }
    }

    /// Draws what is in a folder into its rectangle.
    fn folder(&mut self, one: &Chosen<'a, Spot>, waiting: &mut BinaryHeap<Chosen<'a, Spot>>) {
        let (node, (rect, depth, hue)) = (one.node, one.at);
        let unit = rect.w * rect.h / node.size as f64;
        let children: Vec<(&str, &Node)> =
            node.by_size().into_iter().take_while(|(_, child)| child.size as f64 * unit >= LEAST_AREA).collect();
        let shown: u64 = children.iter().map(|(_, child)| child.size).sum();
        let mut areas: Vec<f64> = children.iter().map(|(_, child)| child.size as f64 * unit).collect();
        // What is too small to be seen keeps its place.
        areas.push(node.size.saturating_sub(shown) as f64 * unit);
        for (index, ((name, child), rect)) in children.iter().zip(squarified(&areas, rect)).take(self.left).enumerate() {
            // Branches begin where no child has most of everything.
            let divided = children[0].1.size < node.size / 3 * 2;
            let hue = hue.or(divided.then(|| (index as f64 * GOLDEN_ANGLE + BLUE) % 360.0));
            let (way, child) = child.unbranched(name, self.separator);
            let path = joined(&one.path, &way, self.separator);
            self.one(child, &path, &way, (rect, depth, hue));
            let inner = Rect { x: rect.x + 2.0, y: rect.y + TITLE, w: rect.w - 4.0, h: rect.h - TITLE - 2.0 };
            if child.is_folder() && depth < DEEPEST && inner.w >= SMALLEST && inner.h >= SMALLEST {
                waiting.push(Chosen { node: child, path, up: None, at: (inner, depth + 1, hue) });
            }
        }
        self.left -= children.len().min(self.left);
    }

    fn one(&mut self, node: &Node, path: &str, name: &str, (rect, depth, hue): Spot) {
        let Rect { x, y, w, h } = rect;
        let size = bytes(node.size);
        let files = if node.is_folder() { format!(", {} files", node.files) } else { String::new() };
        let fill = match (node.is_folder(), hue.unwrap_or(BLUE)) {
            (true, hue) => format!("hsl({hue:.0},42%,{}%)", 36 + depth % 2 * 8),
            (false, hue) => format!("hsl({hue:.0},50%,82%)"),
        };
        let map = self.places.get(path).copied();
        // Writing to a String cannot fail.
        if let Some(map) = map {
            let _ = write!(self.out, "<a href=\"#map-{map}\">");
        }
        let _ = write!(
            self.out,
            "<g{}><title>{}</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" fill=\"{fill}\"/>",
            if node.is_folder() { " class=\"folder\"" } else { "" },
            escaped(&format!("{} {size}{files}", plain(path)))
        );
        self.label(node, name, &size, rect);
        self.out.push_str(if map.is_some() { "</g></a>" } else { "</g>" });
    }

    /// The name, cut where it is wider than its rectangle, and the size behind or below it where there is room.
    fn label(&mut self, node: &Node, name: &str, size: &str, Rect { x, y, w, h }: Rect) {
        let room = ((w - 8.0) / if node.is_folder() { BOLD_LETTER } else { LETTER }) as usize;
        if h < TITLE || room < 3 {
            return;
        }
        let name = plain(name);
        let letters = name.chars().count();
        let beside = letters + 2 + size.len() <= room;
        let shown = match (letters <= room, beside) {
            (_, true) => format!("{name}  {size}"),
            (true, false) => name,
            (false, false) => name.chars().take(room - 1).chain(['\u{2026}']).collect(),
        };
        let _ = write!(self.out, "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>", x + 4.0, y + 12.5, escaped(&shown));
        if !beside && !node.is_folder() && h >= 2.0 * TITLE && size.len() <= room {
            let _ = write!(self.out, "<text x=\"{:.1}\" y=\"{:.1}\">{size}</text>", x + 4.0, y + 26.5);
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

    fn file(size: u64) -> Node<'static> {
        Node { size, files: 1, ..Node::default() }
    }

    fn folder<'a, const N: usize>(children: [(&'a str, Node<'a>); N]) -> Node<'a> {
        let (size, files) = children.iter().fold((0, 0), |(size, files), (_, node)| (size + node.size, files + node.files));
        Node { size, files, children: children.into() }
    }

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
        let evil = "</title><script>alert(1)</script>\"";
        let maps = maps(&folder([(evil, file(10)), ("b", file(10))]), '/');
        for svg in [&maps[0].wide, &maps[0].narrow] {
            assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script"), "{svg}");
        }
    }

    #[test]
    fn a_large_folder_has_a_map_of_its_own_and_the_way_back() {
        let lib = folder([("a", file(70)), ("b", file(20))]);
        let maps = maps(&folder([("usr", folder([("lib", lib)])), ("etc", file(10))]), '/');
        assert_eq!(maps.iter().map(|map| map.path.as_str()).collect::<Vec<_>>(), ["", "usr/lib"]);
        assert_eq!((maps[0].up, maps[1].up), (None, Some(0)));
        assert!(maps[0].wide.contains("href=\"#map-1\"") && maps[0].wide.contains(">usr/lib  90 B<"), "{}", maps[0].wide);
        let rows: Vec<_> = maps[0].rows.iter().map(|row| (row.name.as_str(), row.percent, row.map)).collect();
        assert_eq!(rows, [("usr/lib/", 90, Some(1)), ("etc", 10, None)]);
    }

    #[test]
    fn a_label_never_leaves_its_rectangle() {
        let mut drawing = Drawing { out: String::new(), left: 9, separator: '/', places: &BTreeMap::new() };
        for w in 0..200 {
            drawing.out.clear();
            drawing.label(&file(1), "a-name-of-some-length", "1 B", Rect { x: 0.0, y: 0.0, w: f64::from(w), h: 50.0 });
            let longest =
                drawing.out.split("</text>").filter_map(|one| one.rsplit('>').next()).map(|one| one.chars().count()).max();
            assert!(longest.unwrap_or_default() as f64 * LETTER <= f64::from(w), "{w}: {}", drawing.out);
        }
    }
}
