//! Names as Windows allows them, and the short (8.3) names that stand beside long ones in an MSI.

use super::code_page::CodePage;
use crate::error::{Error, Result};
use crate::payload::TreePath;
use contract::rules::is_device;
use std::collections::{HashMap, HashSet};

/// The longest path that programs without long-path support open, with its drive and its final NUL (MAX_PATH).
const LONGEST_PATH: usize = 260;
/// The longest name in the FileName and DefaultDir columns, beside a short name and the `|`.
const LONGEST_NAME: usize = 242;

/// A path's components as text.
///
/// # Errors
/// Anything that Windows or an MSI cannot hold: not UTF-8, reserved names and characters, a trailing dot or space, too long.
pub fn components(path: &TreePath, root: &str, page: CodePage) -> Result<Vec<String>> {
    let refuse = |why: &str| {
        Err(Error::new(format!("{path:?} cannot be a path on Windows: {why}"))
            .help("rename the file, or leave it out with exclude = [...] in the payload's table"))
    };
    let mut names = Vec::new();
    for component in path.components() {
        let Ok(name) = std::str::from_utf8(component) else { return refuse("it is not UTF-8") };
        if let Some(why) = unfit(name) {
            return refuse(&why);
        }
        page.encode(name).map_err(|error| error.note(format!("it is part of {path:?}")))?;
        names.push(name.to_owned());
    }
    let len = root.chars().count() + names.iter().map(|name| name.chars().count() + 1).sum::<usize>();
    if len >= LONGEST_PATH {
        return refuse(&format!("below {root} it has {len} characters, and Windows opens {} at most", LONGEST_PATH - 1));
    }
    Ok(names)
}

/// Why a name cannot be a file's on Windows ("Naming Files, Paths, and Namespaces").
fn unfit(name: &str) -> Option<String> {
    if is_device(name) {
        let device = name.split('.').next().unwrap_or(name).trim_end().to_uppercase();
        return Some(format!("{device} is the name of a device"));
    }
    if let Some(character) = name.chars().find(|&c| c.is_control() || "<>:\"/\\|?*".contains(c)) {
        return Some(format!("names do not have {character:?}"));
    }
    if name.ends_with(['.', ' ']) {
        return Some("a name does not end in a dot or a space".to_owned());
    }
    (name.chars().count() > LONGEST_NAME).then(|| format!("a name has {LONGEST_NAME} characters at most"))
}

/// The names of one directory: keeps short names apart and refuses names that differ only in case.
#[derive(Default)]
pub struct Directory {
    long: HashSet<String>,
    short: HashSet<String>,
    next: HashMap<String, u32>,
}

impl Directory {
    /// The value of a FileName or DefaultDir column: `short|long`, or the name alone where it is a short one.
    ///
    /// # Errors
    /// The directory has a name that Windows takes for the same.
    pub fn add(&mut self, name: &str, path: &TreePath) -> Result<String> {
        if !self.long.insert(name.to_lowercase()) {
            return Err(Error::new(format!("{path:?} differs only in case from its neighbour: on Windows they are one file"))
                .help("rename one of them, or leave it out with exclude = [...] in the payload's table"));
        }
        if is_short(name) && self.short.insert(name.to_ascii_uppercase()) {
            return Ok(name.to_owned());
        }
        Ok(format!("{}|{name}", self.shorten(name)))
    }

    fn shorten(&mut self, name: &str) -> String {
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let clean = |text: &str, len: usize| -> String {
            let kept = text.chars().filter(|&c| is_short_character(c));
            kept.take(len).map(|c| c.to_ascii_uppercase()).collect()
        };
        let (stem, extension) = (clean(stem, 6), clean(extension, 3));
        let next = self.next.entry(format!("{stem}.{extension}")).or_insert(0);
        loop {
            *next += 1;
            let tail = format!("~{next}");
            let head: String = stem.chars().take(8 - tail.len()).collect();
            let dot = if extension.is_empty() { "" } else { "." };
            let short = format!("{head}{tail}{dot}{extension}");
            if self.short.insert(short.clone()) {
                return short;
            }
        }
    }
}

/// Whether a name is one of 8.3 characters already.
fn is_short(name: &str) -> bool {
    let (stem, extension) = name.split_once('.').unwrap_or((name, "x"));
    let fits = |part: &str, len: usize| (1..=len).contains(&part.len()) && part.chars().all(is_short_character);
    fits(stem, 8) && fits(extension, 3)
}

fn is_short_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_-$%'@!(){}^#&".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn names_that_windows_cannot_hold_are_refused() {
        for name in
            ["con", "AUX.txt", "com1", "LPT³.log", "conin$", "nul .log", "dot.", "space ", "a:b", "what?", "Привет", "a\tb"]
        {
            assert!(components(&path(&format!("dir/{name}")), r"C:\root", CodePage::WESTERN).is_err(), "{name:?}");
        }
        for name in ["console", "com10", "com", "com¼", "conin", "a b", "Grüße.txt", ".hidden", "a.b.c"] {
            assert!(components(&path(&format!("dir/{name}")), r"C:\root", CodePage::WESTERN).is_ok(), "{name:?}");
        }
        let long = vec!["abcdefghi"; 25].join("/");
        assert!(components(&path(&long), r"C:\root", CodePage::WESTERN).is_ok());
        assert!(components(&path(&long), r"C:\Program Files\Intigua", CodePage::WESTERN)
            .unwrap_err()
            .what()
            .contains("characters"));
    }

    #[test]
    fn short_names_are_unique_in_their_directory() {
        let mut directory = Directory::default();
        let mut add = |name: &str| directory.add(name, &path(name)).unwrap();
        assert_eq!(add("vlink.exe"), "vlink.exe");
        assert_eq!(add("longfilename.txt"), "LONGFI~1.TXT|longfilename.txt");
        assert_eq!(add("long file number two.txt"), "LONGFI~2.TXT|long file number two.txt");
        assert_eq!(add(".hidden"), "~1.HID|.hidden");
        let many: HashSet<String> =
            (0..2_000).map(|number| add(&format!("container file {number}.dll")).split('|').next().unwrap().to_owned()).collect();
        assert_eq!(many.len(), 2_000);
        assert!(many.iter().all(|short| short.len() <= 12));
    }

    #[test]
    fn names_that_differ_only_in_case_are_refused() {
        let mut directory = Directory::default();
        directory.add("Readme.txt", &path("Readme.txt")).unwrap();
        assert!(directory.add("README.TXT", &path("README.TXT")).unwrap_err().what().contains("case"));
    }
}
