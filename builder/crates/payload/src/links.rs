//! Symbolic links of a payload: where they lead, and that it is never outside.

use super::TreePath;
use std::collections::HashMap;

/// Links followed for one link before it counts as a loop, as the kernel does.
const HOPS: usize = 40;
/// The kernel takes no longer target (PATH_MAX without its NUL).
pub(super) const LONGEST_TARGET: usize = 4095;

/// The links of a tree: path to target.
pub(super) type Links<'a> = HashMap<&'a [u8], &'a [u8]>;

/// Whether a link on Linux can have this target.
pub(super) fn can_be(target: &[u8]) -> bool {
    !target.is_empty() && target.len() <= LONGEST_TARGET && !target.contains(&0)
}

/// Why a link cannot be packaged; `None` when it can. Other links on its way are followed, and a target that does not exist is fine.
pub(super) fn fault(link: &TreePath, target: &[u8], links: &Links) -> Option<String> {
    if !can_be(target) {
        return Some("a link with an empty, overlong or NUL-carrying target".into());
    }
    if target.starts_with(b"/") {
        return Some(format!("a link to the absolute path \"{}\"", show(target)));
    }
    let mut at: Vec<&[u8]> = link.parent_components().collect();
    let mut todo: Vec<&[u8]> = target.rsplit(|&b| b == b'/').collect();
    let mut hops = 0;
    while let Some(component) = todo.pop() {
        match component {
            b"" | b"." => {}
            b".." => {
                if at.pop().is_none() {
                    return Some(format!("a link to \"{}\", which leaves the payload", show(target)));
                }
            }
            name => {
                at.push(name);
                if let Some(next) = links.get(at.join(&b'/').as_slice()) {
                    hops += 1;
                    // A loop leads nowhere; an absolute link on the way is reported as itself.
                    if hops > HOPS || next.starts_with(b"/") {
                        return None;
                    }
                    at.pop();
                    todo.extend(next.rsplit(|&b| b == b'/'));
                }
            }
        }
    }
    None
}

/// The relative target that leads from a link to a place in the same tree.
pub(super) fn relative(link: &TreePath, to: &TreePath) -> Vec<u8> {
    let from: Vec<&[u8]> = link.parent_components().collect();
    let to: Vec<&[u8]> = to.as_bytes().split(|&b| b == b'/').collect();
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count().min(to.len() - 1);
    let up = std::iter::repeat_n(&b".."[..], from.len() - shared);
    up.chain(to[shared..].iter().copied()).collect::<Vec<_>>().join(&b'/')
}

/// An absolute target without its slash, `.` and `..` resolved by the letter, as a package's root bounds it.
pub(super) fn from_root(target: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in target.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join(&b'/')
}

/// Bytes for a message: what is not printable is escaped.
pub(super) fn show(bytes: &[u8]) -> String {
    super::tree::escaped(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::new(text.as_bytes()).unwrap()
    }

    fn leaves(link: &str, target: &str, others: &[(&str, &str)]) -> bool {
        let links = others.iter().map(|(p, t)| (p.as_bytes(), t.as_bytes())).collect();
        fault(&path(link), target.as_bytes(), &links).is_some()
    }

    #[test]
    fn a_relative_link_may_use_the_whole_tree_and_dangle() {
        assert!(!leaves("a/b/link", "../../c/missing", &[]));
        assert!(!leaves("link", "./x//y/", &[]));
    }

    #[test]
    fn a_link_above_the_tree_is_refused() {
        assert!(leaves("a/link", "../../x", &[]));
        assert!(leaves("link", "..", &[]));
        assert!(leaves("link", "x/../../y", &[]));
        assert!(leaves("link", "/etc/passwd", &[]));
        assert!(leaves("link", "", &[]));
    }

    #[test]
    fn a_link_that_leaves_through_another_link_is_refused() {
        // By the letter a/b/s/../x stays inside; through s, which is the tree's root, it does not.
        assert!(leaves("a/b/link", "s/../x", &[("a/b/s", "../..")]));
        assert!(!leaves("a/b/link", "s/x", &[("a/b/s", "../..")]));
    }

    #[test]
    fn a_loop_of_links_ends() {
        assert!(!leaves("a", "b", &[("a", "b"), ("b", "a")]));
    }

    #[test]
    fn an_absolute_target_becomes_the_shortest_relative_one() {
        assert_eq!(relative(&path("usr/bin/x"), &path("usr/lib/y")), b"../lib/y");
        assert_eq!(relative(&path("x"), &path("opt/y")), b"opt/y");
        assert_eq!(relative(&path("a/x"), &path("a")), b"../a");
        assert_eq!(relative(&path("a/b/x"), &path("c")), b"../../c");
        assert_eq!(from_root(b"//usr/./lib/../bin/"), b"usr/bin");
    }
}
