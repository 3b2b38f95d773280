//! The string pool of an MSI, read back.

use base::error::{Error, Result};
use msi_schema;
use std::sync::Arc;

/// Texts of one pool: twice what 70,000 files need. Each costs memory, also an empty one.
const MOST_TEXTS: usize = 1_000_000;

/// Texts by number.
pub struct Strings {
    texts: Vec<Option<Arc<str>>>,
    /// Their code page.
    pub code_page: u16,
    /// Bytes of a reference.
    pub width: usize,
}

impl Strings {
    /// Reads the pool (lengths and counts of uses) and the data (texts one after another).
    ///
    /// # Errors
    /// The pool has no header, or is larger than any installer's.
    pub fn parse(pool: &[u8], data: &[u8]) -> Result<Self> {
        let mut entries = pool.chunks_exact(4).map(|entry| {
            let half = |at: usize| u16::from_le_bytes([entry[at], entry[at + 1]]);
            (half(0), half(2))
        });
        let (code_page, flags) = entries.next().ok_or_else(|| Error::new("the string pool is empty"))?;
        const LONG_REFERENCES: u16 = 0x8000;
        let encoding = msi_schema::encoding(code_page);
        let mut texts = Vec::new();
        let mut rest = data;
        while let Some((len, uses)) = entries.next() {
            if texts.len() == MOST_TEXTS {
                return Err(Error::new("the string pool has more texts than any installer's"));
            }
            // Texts above 64 KiB have a second entry, which is all length.
            let len = match (len, uses) {
                (0, 0) => 0,
                (0, _) => entries.next().map_or(0, |(low, high)| usize::from(high) << 16 | usize::from(low)),
                (len, _) => usize::from(len),
            };
            let text = rest.get(..len).map(|bytes| Arc::from(encoding.decode_without_bom_handling(bytes).0));
            rest = rest.get(len..).unwrap_or_default();
            texts.push(text);
        }
        Ok(Strings { texts, code_page, width: if flags & LONG_REFERENCES == 0 { 2 } else { 3 } })
    }

    /// The text of a number above 0; `None` where the pool has none.
    pub fn text(&self, number: u32) -> Option<&Arc<str>> {
        self.texts.get(number.checked_sub(1)? as usize)?.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::Strings;

    #[test]
    fn texts_are_decoded_by_the_pools_code_page() {
        let pool = [0xE4, 4, 0, 0x80, 1, 0, 1, 0, 0, 0, 0, 0, 2, 0, 1, 0];
        let strings = Strings::parse(&pool, b"\xF6ab").unwrap();
        assert_eq!((strings.width, strings.text(1).map(|text| &**text)), (3, Some("ö")));
        assert_eq!(strings.text(3).map(|text| &**text), Some("ab"));
        assert!(strings.text(0).is_none() && strings.text(4).is_none());
    }

    #[test]
    fn a_pool_that_promises_more_than_there_is_has_no_such_text() {
        let strings = Strings::parse(&[0, 0, 0, 0, 0, 0, 1, 0, 255, 255, 255, 255], b"abc").unwrap();
        assert!(strings.text(1).is_none());
    }
}
