//! Software bills of materials: what a target's packages hold, in the two forms that auditors' tools read.
//!
//! Both are written as they are made, a file after the other: a payload may have a hundred thousand. They are the same bytes for the
//! same content: identifiers come from it, and the time is the packages'.

mod cyclonedx;
mod licence;
mod purl;
mod spdx_document;
mod stream;

pub use cyclonedx::write as write_cyclonedx;
pub use spdx_document::write as write_spdx;

use licence::Licence;
use payload::{Content, PackageFacts};
use serde::Serialize;
use std::borrow::Cow;
use uuid::Uuid;

/// What the documents are about.
pub struct Subject<'a> {
    /// The product, which holds the parts.
    pub product: Part,
    /// The connector, then the containers.
    pub parts: Vec<Part>,
    /// The target's name.
    pub target: &'static str,
    /// The time of the packages, in seconds since 1970.
    pub created: i64,
    /// A digest of all content, hexadecimal.
    pub content: String,
    /// The files of the part at an index, in their packages' order.
    pub files: &'a dyn Fn(usize) -> FileList<'a>,
}

/// Files, one after the other.
pub type FileList<'a> = Box<dyn Iterator<Item = File<'a>> + 'a>;

/// The product, the connector or a container.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// What it is in the product: "connector", or a container's name.
    pub role: String,
    /// Its name; a package's own.
    pub name: String,
    /// The name people read.
    pub title: Option<String>,
    /// Its version; a package's own.
    pub version: Option<String>,
    /// One line about it.
    pub description: Option<String>,
    /// Who made it.
    pub supplier: Option<String>,
    /// Its licence in its maker's words.
    pub license: Option<String>,
    /// Where to read more.
    pub homepage: Option<String>,
    /// Its package URL.
    pub purl: Option<String>,
    /// What its package says it depends on.
    pub depends: Option<String>,
}

impl Part {
    /// A part of which nothing but its name is known.
    pub fn named(name: &str) -> Part {
        Part {
            role: name.to_owned(),
            name: name.to_owned(),
            title: None,
            version: None,
            description: None,
            supplier: None,
            license: None,
            homepage: None,
            purl: None,
            depends: None,
        }
    }

    /// The same with what the DEB or RPM that it was made of says of itself.
    pub fn of_package(self, facts: &PackageFacts) -> Part {
        let facts = facts.clone();
        Part {
            purl: Some(purl::of_package(&facts)),
            name: facts.name,
            version: Some(facts.version),
            description: facts.summary.or(self.description),
            supplier: facts.supplier,
            license: facts.license,
            homepage: facts.homepage,
            depends: facts.depends,
            ..self
        }
    }

    fn licence(&self) -> Option<Licence> {
        self.license.as_deref().map(Licence::read)
    }

    /// The supplier without a mail address.
    fn supplier(&self) -> Option<&str> {
        let name = self.supplier.as_deref()?.split('<').next()?.trim().trim_matches('"');
        (!name.is_empty()).then_some(name)
    }

    /// The homepage, where it is a plain address.
    fn homepage(&self) -> Option<&str> {
        let plain = |url: &&str| {
            let address = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?&=%+@,;!$()*".contains(&byte);
            address.is_some_and(|address| !address.is_empty() && address.bytes().all(fine))
        };
        self.homepage.as_deref().filter(plain)
    }
}

/// A regular file of a part.
pub struct File<'a> {
    /// Its path relative to the install root.
    pub path: &'a [u8],
    /// The SHA-256 of its content.
    pub sha256: [u8; 32],
    /// Its content.
    pub content: &'a Content,
    /// False where it is known to be no program.
    pub may_be_program: bool,
}

impl File<'_> {
    /// Its path as text; bytes that are not UTF-8 are escaped as `\xNN`.
    fn name(&self) -> Cow<'_, str> {
        match std::str::from_utf8(self.path) {
            Ok(path) => Cow::Borrowed(path),
            Err(_) => {
                let mut text = String::new();
                for chunk in self.path.utf8_chunks() {
                    text += chunk.valid();
                    chunk.invalid().iter().for_each(|byte| text += &format!("\\x{byte:02x}"));
                }
                Cow::Owned(text)
            }
        }
    }
}

/// The tool's name and version in documents.
const TOOL: [&str; 2] = ["linkpack", env!("CARGO_PKG_VERSION")];

/// What linkpack's identifiers are derived from.
const NAMESPACE: Uuid = Uuid::from_u128(0x3d5b_9e0c_7c1f_4b2e_9a54_6f0d_21c8_b7e3);

/// A document's identifier: another document, another identifier.
fn identifier(subject: &Subject, form: &str) -> Uuid {
    let parts = (form, TOOL, subject.target, subject.created, &subject.content, &subject.product, &subject.parts);
    Uuid::new_v5(&NAMESPACE, &serde_json::to_vec(&parts).expect("plain JSON"))
}

/// A time as both forms write it; the epoch's beginning for what no calendar has.
fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}
