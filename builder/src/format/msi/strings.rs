//! The string pool: every text of the database once, numbered from 1, in the database's code page.

use super::code_page::CodePage;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The number of strings up to which a reference has two bytes.
const SHORT_REFERENCES: usize = 0xFFFF;

/// Texts by number and numbers by text. There may be hundreds of thousands: all lie in one piece, as the file has them.
#[derive(Default)]
pub struct Strings {
    page: CodePage,
    /// By the text's hash; where another text has it, by the next free number above.
    numbers: HashMap<u64, u32>,
    /// Where each text ends in `data`, and how often it is used.
    texts: Vec<(u32, u32)>,
    /// _StringData.
    data: Vec<u8>,
}

impl Strings {
    /// An empty pool of a code page.
    pub fn new(page: CodePage) -> Self {
        Strings { page, ..Strings::default() }
    }

    /// The number of a text; 0 for the empty one, which is null.
    ///
    /// # Errors
    /// A character that the code page does not have; more text than an MSI holds.
    pub fn number(&mut self, text: &str) -> Result<u32> {
        if text.is_empty() {
            return Ok(0);
        }
        let bytes = self.page.encode(text)?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let mut key = hasher.finish();
        while let Some(&number) = self.numbers.get(&key) {
            if self.bytes(number) == bytes {
                self.texts[number as usize - 1].1 += 1;
                return Ok(number);
            }
            key = key.wrapping_add(1);
        }
        self.data.extend_from_slice(&bytes);
        let end = u32::try_from(self.data.len()).map_err(|_| Error::new("an MSI cannot hold more than 4 GB of text"))?;
        self.texts.push((end, 1));
        let number = self.texts.len() as u32;
        self.numbers.insert(key, number);
        Ok(number)
    }

    fn bytes(&self, number: u32) -> &[u8] {
        let Some(index) = (number as usize).checked_sub(1).filter(|&index| index < self.texts.len()) else { return &[] };
        let start = index.checked_sub(1).map_or(0, |before| self.texts[before].0);
        &self.data[start as usize..self.texts[index].0 as usize]
    }

    /// The text of a number; empty for null.
    pub fn text(&self, number: u32) -> String {
        self.page.decode(self.bytes(number))
    }

    /// How many bytes a reference has.
    pub fn width(&self) -> usize {
        if self.texts.len() > SHORT_REFERENCES {
            3
        } else {
            2
        }
    }

    /// The streams _StringPool and _StringData.
    pub fn into_streams(self) -> (Vec<u8>, Vec<u8>) {
        let long_references: u16 = if self.width() == 3 { 0x8000 } else { 0 };
        let mut pool = Vec::new();
        let mut put = |low: u16, high: u16| {
            pool.extend_from_slice(&low.to_le_bytes());
            pool.extend_from_slice(&high.to_le_bytes());
        };
        put(self.page.number(), long_references);
        let mut start = 0;
        for (end, uses) in &self.texts {
            let len = end - start;
            start = *end;
            // The count saturates: it matters only to who edits the database.
            let uses = u16::try_from(*uses).unwrap_or(u16::MAX);
            if let Ok(len) = u16::try_from(len) {
                put(len, uses);
            } else {
                put(0, uses);
                put(len as u16, (len >> 16) as u16);
            }
        }
        (pool, self.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_grow_to_three_bytes_above_65535_strings() {
        let mut strings = Strings::default();
        for number in 0..65_535 {
            strings.number(&format!("s{number}")).unwrap();
        }
        assert_eq!(strings.width(), 2);
        assert_eq!(strings.number("one more").unwrap(), 65_536);
        assert_eq!(strings.width(), 3);
        assert_eq!(strings.text(65_536), "one more");
        assert_eq!(strings.into_streams().0[..4], [0xE4, 0x04, 0x00, 0x80]);
        let cyrillic = Strings::new(CodePage::new(1251).unwrap());
        assert_eq!(cyrillic.into_streams().0, [0xE3, 0x04, 0, 0]);
    }

    #[test]
    fn a_long_text_has_an_entry_of_two() {
        let mut strings = Strings::default();
        strings.number(&"x".repeat(70_000)).unwrap();
        let (pool, data) = strings.into_streams();
        assert_eq!(pool[4..], [0, 0, 1, 0, 0x70, 0x11, 1, 0]);
        assert_eq!(data.len(), 70_000);
    }
}
