//! The summary information stream (MS-OLEPS): what a package is, before anyone reads its database.

use super::code_page::CodePage;
use crate::error::Result;
use uuid::Uuid;

/// The summary's properties that differ between packages.
pub struct Summary<'a> {
    /// What its texts are in.
    pub code_page: CodePage,
    /// The product's name.
    pub subject: &'a str,
    /// Who made the product.
    pub author: &'a str,
    /// A sentence.
    pub comments: &'a str,
    /// Platform and language: `x64;1033`.
    pub template: &'a str,
    /// The package code: another for every different file.
    pub package_code: Uuid,
    /// In seconds since 1970.
    pub time: i64,
}

/// FMTID_SummaryInformation.
const FORMAT: Uuid = Uuid::from_u128(0xF29F85E0_4FF9_1068_AB91_08002B27B3D9);
/// The least Windows Installer that may open it: 5.0, for MsiLockPermissionsEx and MsiServiceConfig.
pub const INSTALLER: u32 = 500;

/// One property's value.
pub enum Value {
    /// VT_I2.
    Short(u16),
    /// VT_I4.
    Long(u32),
    /// VT_LPSTR.
    Text(Vec<u8>),
    /// VT_FILETIME.
    Time(u64),
}

impl Value {
    /// A text in a code page.
    ///
    /// # Errors
    /// A character that the page does not have.
    pub fn text(page: CodePage, text: &str) -> Result<Self> {
        page.encode(text).map(Value::Text)
    }

    /// A time in seconds since 1970.
    pub fn time(seconds: i64) -> Self {
        Value::Time(filetime(seconds))
    }

    fn bytes(&self) -> Vec<u8> {
        let (kind, mut body): (u32, Vec<u8>) = match self {
            Value::Short(number) => (2, number.to_le_bytes().to_vec()),
            Value::Long(number) => (3, number.to_le_bytes().to_vec()),
            Value::Time(ticks) => (64, ticks.to_le_bytes().to_vec()),
            Value::Text(text) => {
                let mut body = (text.len() as u32 + 1).to_le_bytes().to_vec();
                body.extend_from_slice(text);
                body.push(0);
                (30, body)
            }
        };
        body.resize(body.len().next_multiple_of(4), 0);
        [kind.to_le_bytes().to_vec(), body].concat()
    }
}

impl Summary<'_> {
    /// The stream's bytes.
    ///
    /// # Errors
    /// A text that the code page cannot hold.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        Ok(property_set(&[
            (1, Value::Short(self.code_page.number())),
            (2, Value::text(self.code_page, "Installation Database")?),
            (3, Value::text(self.code_page, self.subject)?),
            (4, Value::text(self.code_page, self.author)?),
            (5, Value::text(self.code_page, "Installer")?),
            (6, Value::text(self.code_page, self.comments)?),
            (7, Value::text(self.code_page, self.template)?),
            (9, Value::text(self.code_page, &braced(self.package_code))?),
            (12, Value::time(self.time)),
            (13, Value::time(self.time)),
            (14, Value::Long(INSTALLER)),
            // Long file names, files in cabinets.
            (15, Value::Long(2)),
            (18, Value::text(self.code_page, "linkpack")?),
            // Read-only recommended.
            (19, Value::Long(2)),
        ]))
    }
}

/// The stream of these properties, by their numbers.
pub fn property_set(properties: &[(u32, Value)]) -> Vec<u8> {
    let (mut index, mut body) = (Vec::new(), Vec::new());
    let body_at = 8 + 8 * properties.len() as u32;
    for (id, value) in properties {
        index.extend_from_slice(&id.to_le_bytes());
        index.extend_from_slice(&(body_at + body.len() as u32).to_le_bytes());
        body.extend_from_slice(&value.bytes());
    }
    const SECTION_AT: u32 = 48;
    let mut bytes = vec![0xFE, 0xFF, 0, 0, 6, 0, 2, 0];
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend_from_slice(&1_u32.to_le_bytes());
    bytes.extend_from_slice(&FORMAT.to_bytes_le());
    bytes.extend_from_slice(&SECTION_AT.to_le_bytes());
    bytes.extend_from_slice(&(body_at + body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&(properties.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&index);
    bytes.extend_from_slice(&body);
    bytes
}

/// A GUID as MSIs write it: `{UPPER-CASE}`.
pub fn braced(id: Uuid) -> String {
    id.braced().to_string().to_uppercase()
}

/// Ticks of 100 ns since 1601.
fn filetime(seconds: i64) -> u64 {
    const UNIX_EPOCH: i64 = 11_644_473_600;
    (seconds.saturating_add(UNIX_EPOCH).max(0) as u64).saturating_mul(10_000_000)
}
