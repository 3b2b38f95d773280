//! What the manifest wants of a source: `strip`, `include`, `exclude`, `setuid` and `config`.

use super::Source;
use base::error::{Error, Result};
use globset::{GlobSet, GlobSetBuilder};
use manifest::glob;
use std::cell::RefCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// A name as a source spells it, taken apart.
pub(super) struct Name {
    /// The components joined by `/`, without empty and `.` ones; `..` is kept.
    pub joined: Vec<u8>,
    /// It began with `/`.
    pub absolute: bool,
}

impl Name {
    pub(super) fn parse(bytes: &[u8]) -> Name {
        let parts: Vec<&[u8]> = bytes.split(|&b| b == b'/').filter(|part| !matches!(*part, b"" | b".")).collect();
        Name { joined: parts.join(&b'/'), absolute: bytes.starts_with(b"/") }
    }

    pub(super) fn climbs(&self) -> bool {
        self.joined.split(|&b| b == b'/').any(|part| part == b"..")
    }
}

/// Whether an entry belongs to the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Yes,
    /// Only when it is a directory that something wanted lies in.
    AsParent,
    No,
}

/// The manifest's rules for one source, compiled; remembers which patterns were of use.
pub(super) struct Selector {
    strip: usize,
    include: Globs,
    exclude: Globs,
    setuid: Globs,
    config: Globs,
    outside_links: Globs,
}

impl Selector {
    /// # Errors
    /// A pattern that is not a valid glob.
    pub(super) fn new(source: &Source) -> Result<Self> {
        Ok(Selector {
            strip: source.strip,
            include: Globs::new("include", &source.include)?,
            exclude: Globs::new("exclude", &source.exclude)?,
            setuid: Globs::new("setuid", &source.setuid)?,
            config: Globs::new("config", &source.config)?,
            outside_links: Globs::new("outside-links", &source.outside_links)?,
        })
    }

    /// The name without its first `strip` components; `None` when nothing is left.
    pub(super) fn strip<'n>(&self, joined: &'n [u8]) -> Option<&'n [u8]> {
        let mut rest = joined;
        for _ in 0..self.strip {
            rest = &rest[rest.iter().position(|&b| b == b'/')? + 1..];
        }
        (!rest.is_empty()).then_some(rest)
    }

    /// Whether the manifest wants what lies at a stripped path. A pattern that matches a directory stands for all in it.
    pub(super) fn wants(&self, path: &[u8]) -> Wanted {
        if self.exclude.covers(path) {
            Wanted::No
        } else if self.include.is_empty() || self.include.covers(path) {
            Wanted::Yes
        } else {
            Wanted::AsParent
        }
    }

    /// Whether nothing at or below an unstripped name can be part of the payload.
    pub(super) fn skips(&self, joined: &[u8]) -> bool {
        self.strip(joined).is_some_and(|path| self.wants(path) == Wanted::No)
    }

    /// Whether `include` names what has that unstripped name.
    pub(super) fn names(&self, joined: &[u8]) -> bool {
        self.strip(joined).is_some_and(|path| self.include.covers(path))
    }

    /// Whether the manifest keeps the special permission bits of this very path.
    pub(super) fn keeps_setuid(&self, path: &[u8]) -> bool {
        self.setuid.matches(path)
    }

    /// Whether the manifest calls it configuration.
    pub(super) fn is_config(&self, path: &[u8]) -> bool {
        self.config.covers(path)
    }

    /// Whether the manifest keeps the link of this very path wherever it leads.
    pub(super) fn keeps_link(&self, path: &[u8]) -> bool {
        self.outside_links.covers(path)
    }

    /// Whether the manifest takes less than the whole source.
    pub(super) fn selects(&self) -> bool {
        self.strip > 0 || !self.include.is_empty() || !self.exclude.is_empty()
    }

    /// Patterns that matched nothing, for a warning: the manifest's key and the pattern.
    pub(super) fn useless(&self) -> Vec<(&'static str, String)> {
        [&self.include, &self.exclude, &self.config, &self.outside_links].iter().flat_map(|globs| globs.unused()).collect()
    }

    /// # Errors
    /// A `setuid` pattern that kept no entry's bits: the manifest promises what the source does not have.
    pub(super) fn check_setuid(&self, source: &str) -> Result<()> {
        match self.setuid.unused().into_iter().next() {
            Some((_, pattern)) => Err(Error::new(format!(
                "the setuid pattern \"{pattern}\" matches nothing in {source} that has a set-uid, set-gid or sticky bit"
            ))
            .help("patterns are relative to the payload after strip; remove the pattern or correct it")),
            None => Ok(()),
        }
    }
}

struct Globs {
    key: &'static str,
    set: GlobSet,
    patterns: Vec<String>,
    used: RefCell<Vec<bool>>,
}

impl Globs {
    fn new(key: &'static str, patterns: &[String]) -> Result<Self> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            let invalid = |why: String| {
                Error::new(format!("the {key} pattern \"{pattern}\" is not a valid glob: {why}"))
                    .help("write a path relative to the payload; * matches within a component, ** across them, \\ escapes")
            };
            set.add(glob(pattern).map_err(invalid)?);
        }
        let set = set.build().map_err(|error| Error::new(format!("the {key} patterns are too large: {error}")))?;
        Ok(Globs { key, set, patterns: patterns.to_vec(), used: RefCell::new(vec![false; patterns.len()]) })
    }

    fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    fn matches(&self, path: &[u8]) -> bool {
        if self.is_empty() {
            return false;
        }
        let hits = self.set.matches(OsStr::from_bytes(path));
        let mut used = self.used.borrow_mut();
        hits.iter().for_each(|&hit| used[hit] = true);
        !hits.is_empty()
    }

    /// Matches the path or a directory it lies in.
    fn covers(&self, path: &[u8]) -> bool {
        if self.is_empty() {
            return false;
        }
        let ends = path.iter().enumerate().filter(|(_, &b)| b == b'/').map(|(at, _)| at).chain([path.len()]);
        // All are tried, none skipped after the first hit: each pattern's use is recorded.
        ends.fold(false, |covered, end| self.matches(&path[..end]) | covered)
    }

    fn unused(&self) -> Vec<(&'static str, String)> {
        let used = self.used.borrow();
        self.patterns.iter().zip(used.iter()).filter(|(_, used)| !**used).map(|(p, _)| (self.key, p.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(strip: usize, include: &[&str], exclude: &[&str]) -> Selector {
        let own = |list: &[&str]| list.iter().map(|s| s.to_string()).collect::<Vec<_>>();
        let source = Source { strip, include: own(include), exclude: own(exclude), ..Source::default() };
        Selector::new(&source).unwrap()
    }

    #[test]
    fn a_star_stays_within_a_component() {
        let selector = selector(0, &["*.so"], &[]);
        assert_eq!(selector.wants(b"a.so"), Wanted::Yes);
        assert_eq!(selector.wants(b"lib/a.so"), Wanted::AsParent);
    }

    #[test]
    fn a_pattern_for_a_directory_stands_for_all_in_it() {
        let selector = selector(0, &["usr"], &["usr/share/"]);
        assert_eq!(selector.wants(b"usr/bin/x"), Wanted::Yes);
        assert_eq!(selector.wants(b"usr/share/doc/x"), Wanted::No);
        assert_eq!(selector.wants(b"etc"), Wanted::AsParent);
    }

    #[test]
    fn patterns_match_names_that_are_not_utf8() {
        assert_eq!(selector(0, &[], &["caf?"]).wants(b"caf\xe9"), Wanted::No);
        assert_eq!(selector(0, &[], &["c*/x"]).wants(b"c\xff\nf/x"), Wanted::No);
    }

    #[test]
    fn strip_removes_leading_components_and_short_names_vanish() {
        let selector = selector(2, &[], &[]);
        assert_eq!(selector.strip(b"a/b/c/d"), Some(&b"c/d"[..]));
        assert_eq!(selector.strip(b"a/b"), None);
        assert_eq!(selector.strip(b"a"), None);
    }

    #[test]
    fn a_pattern_that_matched_nothing_is_named() {
        let selector = selector(0, &["bin"], &["*.md"]);
        selector.wants(b"bin/x");
        assert_eq!(selector.useless(), [("exclude", "*.md".to_string())]);
    }

    #[test]
    fn an_invalid_pattern_is_named_with_its_key() {
        let source = Source { exclude: vec!["a[".into()], ..Source::default() };
        let error = Selector::new(&source).err().unwrap();
        assert!(error.what().contains("the exclude pattern \"a[\""), "{error}");
        let source = Source { setuid: vec!["./".into()], ..Source::default() };
        assert!(Selector::new(&source).err().unwrap().what().contains("setuid"));
    }
}
