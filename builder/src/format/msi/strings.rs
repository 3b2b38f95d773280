//! The string pool: every text of the database once, numbered from 1, in code page 1252.

use crate::error::{Error, Result};
use std::collections::HashMap;
use std::rc::Rc;

/// The database's code page: Windows Latin 1.
pub const CODE_PAGE: u16 = 1252;
/// The number of strings up to which a reference has two bytes.
const SHORT_REFERENCES: usize = 0xFFFF;

/// Texts by number and numbers by text.
#[derive(Default)]
pub struct Strings {
    numbers: HashMap<Rc<str>, u32>,
    texts: Vec<(Rc<str>, u32)>,
}

impl Strings {
    /// The number of a text; 0 for the empty one, which is null.
    ///
    /// # Errors
    /// A character that the code page does not have.
    pub fn number(&mut self, text: &str) -> Result<u32> {
        if text.is_empty() {
            return Ok(0);
        }
        if let Some(&number) = self.numbers.get(text) {
            self.texts[number as usize - 1].1 += 1;
            return Ok(number);
        }
        encode(text)?;
        let text: Rc<str> = text.into();
        self.texts.push((text.clone(), 1));
        let number = self.texts.len() as u32;
        self.numbers.insert(text, number);
        Ok(number)
    }

    /// The text of a number; empty for null.
    pub fn text(&self, number: u32) -> &str {
        number.checked_sub(1).and_then(|index| self.texts.get(index as usize)).map_or("", |(text, _)| text)
    }

    /// How many bytes a reference has.
    pub fn width(&self) -> usize {
        if self.texts.len() > SHORT_REFERENCES {
            3
        } else {
            2
        }
    }

    /// The streams _StringPool and _StringData. Each text is freed when it is written: there may be hundreds of thousands.
    pub fn into_streams(self) -> Result<(Vec<u8>, Vec<u8>)> {
        let long_references: u16 = if self.width() == 3 { 0x8000 } else { 0 };
        let Strings { numbers, texts } = self;
        drop(numbers);
        let (mut pool, mut data) = (Vec::new(), Vec::new());
        let mut put = |low: u16, high: u16| {
            pool.extend_from_slice(&low.to_le_bytes());
            pool.extend_from_slice(&high.to_le_bytes());
        };
        put(CODE_PAGE, long_references);
        for (text, uses) in texts {
            let bytes = encode(&text)?;
            // The count saturates: it matters only to who edits the database.
            let uses = u16::try_from(uses).unwrap_or(u16::MAX);
            if let Ok(len) = u16::try_from(bytes.len()) {
                put(len, uses);
            } else {
                put(0, uses);
                put(bytes.len() as u16, (bytes.len() >> 16) as u16);
            }
            data.extend_from_slice(&bytes);
        }
        Ok((pool, data))
    }
}

/// What the bytes 0x80 to 0x9F stand for in code page 1252; 0 where nothing.
const HIGH: [u16; 32] = [
    0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0, 0, 0x2018,
    0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178,
];

/// A text's bytes in code page 1252.
///
/// # Errors
/// A character that the code page does not have.
pub fn encode(text: &str) -> Result<Vec<u8>> {
    text.chars()
        .map(|character| match u32::from(character) {
            code @ (1..=0x7F | 0xA0..=0xFF) => Ok(code as u8),
            code => {
                HIGH.iter().position(|&high| high != 0 && u32::from(high) == code).map(|at| 0x80 + at as u8).ok_or_else(|| {
                    Error::new(format!("{text:?} has the character {character:?}, which an MSI in code page 1252 cannot hold"))
                        .help("use Western European characters only, or leave the file out with exclude = [...]")
                })
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn western_texts_are_encoded_and_others_refused() {
        assert_eq!(encode("Grüße €5").unwrap(), b"Gr\xFC\xDFe \x805");
        assert!(encode("Привет").unwrap_err().what().contains("1252"));
        assert!(encode("\u{81}").is_err());
    }

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
        assert_eq!(strings.into_streams().unwrap().0[..4], [0xE4, 0x04, 0x00, 0x80]);
    }

    #[test]
    fn a_long_text_has_an_entry_of_two() {
        let mut strings = Strings::default();
        strings.number(&"x".repeat(70_000)).unwrap();
        let (pool, data) = strings.into_streams().unwrap();
        assert_eq!(pool[4..], [0, 0, 1, 0, 0x70, 0x11, 1, 0]);
        assert_eq!(data.len(), 70_000);
    }
}
