//! The symbols that a program or library looks for in others, with their versions: what a symbols file of Debian's is asked about.

use super::{Reader, PT_DYNAMIC};
use crate::window::Window;
use std::collections::HashMap;

/// Most symbols that are looked at.
const MOST_SYMBOLS: u64 = 1 << 17;
const SHT_DYNSYM: u64 = 11;

/// The names that are to be found elsewhere; one with a version as `name@VERSION`. Empty for what is no ELF file.
pub fn undefined(window: &mut dyn Window) -> Vec<String> {
    Reader::open(window).and_then(|mut reader| reader.undefined()).unwrap_or_default()
}

impl Reader<'_> {
    fn undefined(&mut self) -> Option<Vec<String>> {
        const DT_STRTAB: u64 = 5;
        const DT_SYMTAB: u64 = 6;
        const DT_VERSYM: u64 = 0x6fff_fff0;
        const DT_VERNEED: u64 = 0x6fff_fffe;
        let segment = *self.segments.iter().find(|segment| segment.kind == PT_DYNAMIC)?;
        let entries = self.entries(&segment)?;
        let place = |reader: &Self, wanted: u64| {
            let (_, address) = entries.iter().find(|(tag, _)| *tag == wanted)?;
            reader.offset(*address)
        };
        let (symbols, strings) = (place(self, DT_SYMTAB)?, place(self, DT_STRTAB)?);
        let size = if self.is_64 { 24 } else { 16 };
        // Without section headers: linkers put the names right behind the symbols.
        let count = self.section_len().unwrap_or(strings.saturating_sub(symbols)) / size;
        let mut versions = HashMap::new();
        if let Some(needs) = place(self, DT_VERNEED) {
            self.versions(needs, strings, &mut |_, version, index| drop(versions.insert(index & 0x7fff, version.to_owned())));
        }
        let numbers = place(self, DT_VERSYM);
        let mut found = Vec::new();
        for index in 1..count.min(MOST_SYMBOLS) {
            let symbol = self.window.get(symbols + index * size, size as usize)?;
            let (kind, section) = if self.is_64 { (4, 6) } else { (12, 14) };
            let is_local = symbol[kind] >> 4 == 0;
            if is_local || self.number(&symbol, section, 2)? != 0 {
                continue;
            }
            let Some(name) = strings.checked_add(self.number(&symbol, 0, 4)?).and_then(|at| self.name(at)) else { continue };
            let version = numbers.and_then(|numbers| self.window.get(numbers + index * 2, 2));
            let version = version.and_then(|bytes| versions.get(&(self.number(&bytes, 0, 2)? & 0x7fff)));
            found.push(version.map_or_else(|| name.clone(), |version| format!("{name}@{version}")));
        }
        Some(found)
    }

    /// The length of the dynamic symbols by the section headers, in bytes.
    fn section_len(&mut self) -> Option<u64> {
        let head = self.window.get(0, if self.is_64 { 64 } else { 52 })?;
        let word = self.word();
        let (table, entry, count) = if self.is_64 { (40, 58, 60) } else { (32, 46, 48) };
        let (table, entry) = (self.number(&head, table, word)?, self.number(&head, entry, 2)?);
        let count = self.number(&head, count, 2)?;
        let (kind, len) = if self.is_64 { (4, 32) } else { (4, 20) };
        for index in 0..count {
            let header = self.window.get(table.checked_add(index * entry)?, len + word)?;
            if self.number(&header, kind, 4)? == SHT_DYNSYM {
                return self.number(&header, len, word);
            }
        }
        None
    }
}
