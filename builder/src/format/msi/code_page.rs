//! Code pages: a database names one, and all its texts are in it.
//!
//! Windows converts them to Unicode by that page whatever the machine's own is, and has all of these. UTF-8 (65001) serves the database, as
//! others' packages show, and not the summary, which then is in 1252; docs/windows.md.

use crate::error::{Error, Result};
use encoding_rs::Encoding;

/// A code page of Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodePage(u16);

impl Default for CodePage {
    fn default() -> Self {
        CodePage::WESTERN
    }
}

/// All pages that texts can be in, those of single bytes first.
const ALL: [u16; 15] = [1252, 1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258, 874, 932, 936, 949, 950, 65001];

impl CodePage {
    /// Windows Latin 1.
    pub const WESTERN: CodePage = CodePage(1252);

    /// A page by its number; `None` for one that is not known here.
    pub fn new(number: u16) -> Option<CodePage> {
        ALL.contains(&number).then_some(CodePage(number))
    }

    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }

    /// The page of the summary beside a database in this one.
    pub fn of_summary(self) -> CodePage {
        if self.0 == 65001 {
            CodePage::WESTERN
        } else {
            self
        }
    }

    /// A text's bytes.
    ///
    /// # Errors
    /// A character that the page does not have: its help names a page that has all of them.
    pub fn encode(self, text: &str) -> Result<Vec<u8>> {
        self.bytes(text).ok_or_else(|| {
            let lacks = text.chars().find(|character| self.bytes(character.encode_utf8(&mut [0; 4])).is_none());
            let other = ALL.iter().find(|number| CodePage(**number).bytes(text).is_some());
            let help = match other {
                Some(number) => {
                    format!("write code-page = {number} in [connector.windows], or leave the file out with exclude = [...]")
                }
                None => "use printable characters only, or leave the file out with exclude = [...]".to_owned(),
            };
            let lacks = lacks.unwrap_or_default();
            Error::new(format!("{text:?} has the character {lacks:?}, which an MSI in code page {} cannot hold", self.0))
                .help(help)
        })
    }

    fn bytes(self, text: &str) -> Option<Vec<u8>> {
        if text.is_ascii() && !text.contains('\0') {
            return Some(text.as_bytes().to_vec());
        }
        if text.chars().any(|character| character == '\0' || ('\u{80}'..='\u{9f}').contains(&character)) {
            return None;
        }
        let (bytes, _, lossy) = self.encoding().encode(text);
        // Some pages have one byte for two characters, such as the yen and the backslash of 932.
        let back = self.encoding().decode_without_bom_handling_and_without_replacement(&bytes)?;
        (!lossy && back == text).then(|| bytes.into_owned())
    }

    /// Bytes as text.
    pub fn decode(self, bytes: &[u8]) -> String {
        self.encoding().decode_without_bom_handling(bytes).0.into_owned()
    }

    fn encoding(self) -> &'static Encoding {
        msi_schema::encoding(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(number: u16) -> CodePage {
        CodePage::new(number).unwrap()
    }

    #[test]
    fn texts_are_encoded_in_their_page_and_others_refused_with_one_that_has_them() {
        let western = CodePage::WESTERN;
        assert_eq!(western.encode("Grüße €5").unwrap(), b"Gr\xFC\xDFe \x805");
        assert_eq!(western.decode(b"Gr\xFC\xDFe \x805"), "Grüße €5");
        let advice = |text: &str| {
            let error = western.encode(text).unwrap_err();
            assert!(error.what().contains("1252"), "{error}");
            error.help_text().unwrap().to_owned()
        };
        assert!(advice("Привет").contains("code-page = 1251 "));
        assert!(advice("Łódź").contains("code-page = 1250 "));
        assert!(advice("エージェント").contains("code-page = 932 "));
        assert!(advice("Łódź, Привет").contains("code-page = 65001 "));
        assert!(advice("\u{81}").contains("printable"));
        assert_eq!(page(1251).encode("Привет").unwrap(), b"\xCF\xF0\xE8\xE2\xE5\xF2");
        assert_eq!(page(65001).encode("é").unwrap(), "é".as_bytes());
        assert_eq!((page(65001).of_summary().number(), page(932).of_summary().number()), (1252, 932));
    }

    #[test]
    fn what_reads_back_as_something_else_is_refused() {
        assert!(page(932).encode("5¥").is_err());
        assert_eq!(page(932).decode(&page(932).encode("表示\\").unwrap()), "表示\\");
        assert!(CodePage::new(437).is_none() && CodePage::new(0).is_none());
    }
}
