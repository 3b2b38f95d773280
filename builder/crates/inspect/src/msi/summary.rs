//! The summary information: one property set (MS-OLEPS), of which Windows Installer reads a few numbers and texts.

use base::error::{Error, Result};

/// What an installer reads of the summary information.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The product's name.
    pub subject: Option<String>,
    /// Who made the product.
    pub author: Option<String>,
    /// Platform and languages, such as `x64;1033`; a transform's of the package that it is for.
    pub template: Option<String>,
    /// A transform's template of what it makes of the package.
    pub new_template: Option<String>,
    /// A transform's conditions in the upper half, and in the lower the differences that it bears.
    pub characters: Option<i32>,
    /// The package code.
    pub revision: Option<String>,
    /// The least version of Windows Installer, times 100.
    pub pages: Option<i32>,
    /// The program that made the package.
    pub application: Option<String>,
    /// Bits: 2 is compressed, 8 needs no elevation.
    pub words: Option<i32>,
}

/// Where the one set begins is told at this offset.
const SET_AT: usize = 44;

/// Reads the stream.
///
/// # Errors
/// It ends where there should be something.
pub fn parse(bytes: &[u8]) -> Result<Summary> {
    let short = || Error::new("the summary information ends too early");
    let set = bytes.get(number(bytes, SET_AT).ok_or_else(short)? as usize..).ok_or_else(short)?;
    let count = number(set, 4).ok_or_else(short)? as usize;
    let mut summary = Summary::default();
    for index in 0..count {
        let (id, at) = (number(set, 8 + 8 * index), number(set, 12 + 8 * index));
        let value = set.get(at.ok_or_else(short)? as usize..).ok_or_else(short)?;
        match id.ok_or_else(short)? {
            3 => summary.subject = text(value),
            4 => summary.author = text(value),
            7 => summary.template = text(value),
            8 => summary.new_template = text(value),
            9 => summary.revision = text(value),
            16 => summary.characters = integer(value),
            14 => summary.pages = integer(value),
            18 => summary.application = text(value),
            15 => summary.words = integer(value),
            _ => {}
        }
    }
    Ok(summary)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn integer(value: &[u8]) -> Option<i32> {
    const I4: u32 = 3;
    (number(value, 0)? == I4).then(|| number(value, 4))?.map(|number| number as i32)
}

fn text(value: &[u8]) -> Option<String> {
    const TEXT: u32 = 30;
    let len = (number(value, 0)? == TEXT).then(|| number(value, 4))?? as usize;
    let bytes = value.get(8..8_usize.checked_add(len)?)?;
    Some(String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned())
}
