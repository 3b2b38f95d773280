//! manifest.json, which lies beside the packages: what was built from what. This is its one type, for those who write it and those who
//! read it; docs/json.md has its keys. Keys are in the alphabet's order, so that a list that was read and written again stays the same.

use manifest::Format;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The form that this version of linkpack writes, and the newest that it reads.
pub const FORM: u32 = 1;

/// The whole document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record<'a> {
    /// How the MSIs' cabinets are packed.
    pub cabinet: Option<Cow<'a, str>>,
    /// How payloads are compressed; `None` for MSIs alone.
    pub codec: Option<Cow<'a, str>>,
    /// Why so.
    pub codec_reason: Option<Cow<'a, str>>,
    /// Bills of materials and the provenance.
    #[serde(default)]
    pub documents: Cow<'a, [Document]>,
    /// The form of this document: [`FORM`]. Before there was the key, it was 1 as well.
    #[serde(default = "first_form")]
    pub form: u32,
    /// What the packages are made of.
    #[serde(default)]
    pub inputs: Cow<'a, [Input]>,
    /// The version of linkpack.
    pub linkpack: Cow<'a, str>,
    /// The manifest's SHA-256, hexadecimal.
    #[serde(default)]
    pub manifest_sha256: Cow<'a, str>,
    /// The packages, in the order of the build.
    pub packages: Cow<'a, [Package]>,
    /// Whose packages they are.
    pub product: About<'a>,
    /// Values of the manifest that were given beside its text, by dotted key.
    #[serde(default)]
    pub set: Cow<'a, BTreeMap<String, String>>,
    /// SOURCE_DATE_EPOCH, where it was set.
    pub source_date_epoch: Option<i64>,
}

fn first_form() -> u32 {
    1
}

/// The product.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct About<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Who makes it.
    #[serde(default)]
    pub publisher: Cow<'a, str>,
    /// The family of its MSIs, in capital letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade_code: Option<String>,
    /// Its version.
    pub version: Cow<'a, str>,
}

/// One finished package.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    /// The cabinets that have to lie beside an MSI above 2 GB.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cabinets: Vec<Cabinet>,
    /// Its file's name in the output folder.
    pub file: String,
    /// Its format.
    pub format: Listed,
    /// Whether it holds the site's settings alone, to be laid over the package without a site.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overlay: bool,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// Who signed it; `None`, and null in JSON, where it is not signed.
    pub signed: Option<Signed>,
    /// Its site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Its length in bytes.
    pub size: u64,
    /// Its target.
    pub target: Cow<'static, str>,
    /// Bytes of the files in it, before compression.
    #[serde(skip)]
    pub content: u64,
    /// How long it took to write. Of one machine and one moment, so it is in no document.
    #[serde(skip)]
    pub took: std::time::Duration,
}

/// What a file is that a build lists as a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Listed {
    /// A package of that format.
    Package(Format),
    /// What `linkpack assemble` makes one of.
    Recipe(Recipe),
}

/// The word for a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Recipe {
    /// The only one.
    Recipe,
}

impl Listed {
    /// A recipe.
    pub const RECIPE: Listed = Listed::Recipe(Recipe::Recipe);

    /// The format of a package; `None` for a recipe.
    pub fn format(self) -> Option<Format> {
        match self {
            Listed::Package(format) => Some(format),
            Listed::Recipe(_) => None,
        }
    }

    /// The word in manifest.json.
    pub fn name(self) -> &'static str {
        self.format().map_or("recipe", Format::name)
    }
}

impl From<Format> for Listed {
    fn from(format: Format) -> Self {
        Listed::Package(format)
    }
}

/// A cabinet beside an MSI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cabinet {
    /// Its file's name in the output folder.
    pub file: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// Its length in bytes.
    pub size: u64,
}

/// Who signed a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Signed {
    /// An OpenPGP fingerprint, a certificate's subject and digest, or a public key's digest.
    pub key: String,
    /// `openpgp`, `authenticode` or `detached`.
    pub kind: Cow<'static, str>,
}

/// A document beside the packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// Its file's name in the output folder.
    pub file: String,
    /// "cyclonedx", "spdx" or "provenance".
    pub kind: Cow<'static, str>,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// Its length in bytes.
    pub size: u64,
    /// The target whose content it lists; `None` where it is about all packages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Cow<'static, str>>,
}

/// One source of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Bytes of its files.
    pub bytes: u64,
    /// How many files it has.
    pub files: u64,
    /// "connector", or the container's name.
    pub name: String,
    /// SHA-256 over every path, mode and content, hexadecimal.
    pub sha256: String,
    /// The sources in the manifest's words, lowest first.
    pub sources: Vec<String>,
    /// The target's name.
    pub target: Cow<'static, str>,
}

impl Record<'_> {
    /// The document, indented, with a newline at its end.
    pub fn text(&self) -> Vec<u8> {
        // Thousands of packages: the text is not to be copied while it grows.
        let mut text = Vec::with_capacity(4096 + 512 * (self.packages.len() + self.documents.len()));
        serde_json::to_writer_pretty(&mut text, self).expect("plain JSON");
        text.push(b'\n');
        text
    }

    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with its name.
    pub fn parse(text: &[u8]) -> Result<Record<'static>, String> {
        #[derive(Deserialize)]
        struct Form {
            #[serde(default = "first_form")]
            form: u32,
        }
        let place = |error: &serde_json::Error| format!("(line {}, column {})", error.line(), error.column());
        let wrong = |error: serde_json::Error| match error.is_data() {
            true => format!("is no list of a build {}", place(&error)),
            false => format!("is no JSON {}", place(&error)),
        };
        match serde_json::from_slice(text).map_err(wrong)? {
            Form { form } if form > FORM => Err(format!("has form {form}, and this linkpack reads {FORM}: take a newer one")),
            _ => serde_json::from_slice(text).map_err(wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = r#"{"linkpack": "0.1.0", "product": {"name": "acme", "version": "1.0"}, "codec": "gzip", "source_date_epoch": null,
        "packages": [{"file": "acme.deb", "format": "deb", "target": "linux-x86_64", "sha256": "00", "size": 1, "signed": null}]}"#;

    #[test]
    fn a_document_without_the_later_keys_is_read() {
        let record = Record::parse(OLD.as_bytes()).unwrap();
        assert_eq!((record.form, record.packages[0].file.as_str(), record.inputs.len()), (1, "acme.deb", 0));
        assert_eq!(record.packages[0].format, Format::Deb.into());
        let again = Record::parse(&record.text()).unwrap();
        assert_eq!(again.text(), record.text());
    }

    #[test]
    fn what_is_none_is_told_with_its_place() {
        assert_eq!(Record::parse(b"{").unwrap_err(), "is no JSON (line 1, column 1)");
        assert!(Record::parse(br#"{"linkpack": 1}"#).unwrap_err().starts_with("is no list of a build (line 1"));
        assert!(Record::parse(OLD.replace(r#""sha256": "00", "#, "").as_bytes()).unwrap_err().contains("(line 2"));
        assert!(Record::parse(br#"{"form": 2}"#).unwrap_err().contains("take a newer one"));
    }

    #[test]
    fn keys_stand_in_the_alphabets_order() {
        let text = Record::parse(OLD.as_bytes()).unwrap().text();
        let sorted: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(text, (serde_json::to_string_pretty(&sorted).unwrap() + "\n").into_bytes());
    }
}
