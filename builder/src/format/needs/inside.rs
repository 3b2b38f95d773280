//! Which libraries a part of the payload has itself, and whether a program finds them.

use crate::format::programs::Program;
use crate::format::PreparedFile;
use crate::payload::elf::Elf;
use crate::payload::Kind;
use std::collections::HashMap;

/// The libraries of the connector or of one container.
pub struct Inside {
    /// The folder of each, by name, class and machine.
    libraries: HashMap<(String, bool, u16), String>,
}

impl Inside {
    /// Of a part's programs, and all its files for the links among them.
    pub fn of<'f>(programs: &[&Program], files: impl Iterator<Item = &'f PreparedFile>) -> Inside {
        let mut libraries = HashMap::new();
        let mut kinds = HashMap::new();
        for Program { path, elf, .. } in programs {
            let path = path.display();
            let (folder, name) = split(&path);
            for name in std::iter::once(name).chain(elf.soname.as_deref()) {
                libraries.entry((name.to_owned(), elf.is_64, elf.machine)).or_insert_with(|| folder.to_owned());
            }
            kinds.insert(path.clone(), (elf.is_64, elf.machine));
        }
        let links = files.filter_map(|file| match &file.entry.kind {
            Kind::Symlink(target) => Some((file.entry.path.display(), String::from_utf8_lossy(target).into_owned())),
            _ => None,
        });
        let links: HashMap<String, String> = links.collect();
        for path in links.keys() {
            let Some(&(is_64, machine)) = kinds.get(&end_of(path, &links)) else { continue };
            let (folder, name) = split(path);
            libraries.entry((name.to_owned(), is_64, machine)).or_insert_with(|| folder.to_owned());
        }
        Inside { libraries }
    }

    /// The folder of a library that such a program can load.
    pub fn folder_of(&self, name: &str, program: &Elf) -> Option<&str> {
        let name = name.rsplit('/').next().unwrap_or(name);
        self.libraries.get(&(name.to_owned(), program.is_64, program.machine)).map(String::as_str)
    }
}

/// What a link leads to, through further links.
fn end_of(path: &str, links: &HashMap<String, String>) -> String {
    const MOST: usize = 8;
    let mut path = path.to_owned();
    for _ in 0..MOST {
        let Some(target) = links.get(&path) else { break };
        path = join(split(&path).0, target);
    }
    path
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// A path relative to a folder, without `.` and `..`.
fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether a program looks for its libraries in a folder of the payload by itself.
pub fn is_searched(program: &Program, folder: &str) -> bool {
    let path = program.path.display();
    let origin = split(&path).0;
    program.elf.search.iter().any(|place| {
        let relative = ["$ORIGIN", "${ORIGIN}"].iter().find_map(|word| place.strip_prefix(word));
        relative.is_some_and(|rest| join(origin, rest) == folder)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_to_the_library_that_they_stand_for() {
        let links = [("c/lib/libz.so.1", "../libs/libz.so"), ("c/libs/libz.so", "./libz.so.1.2"), ("c/a", "b"), ("c/b", "a")];
        let links = links.into_iter().map(|(path, target)| (path.to_owned(), target.to_owned())).collect();
        assert_eq!(end_of("c/lib/libz.so.1", &links), "c/libs/libz.so.1.2");
        assert!(end_of("c/a", &links).starts_with("c/"), "a circle ends");
        assert_eq!(join("c/bin", "/../lib/./x"), "c/lib/x");
    }
}
