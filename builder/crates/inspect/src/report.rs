//! What a package is and holds, in one form for all formats. `linkpack inspect --json` prints it; lint and verify work on it.
//!
//! Texts are the package's own, cut at the limits of `limits.rs` and not judged; what shows them makes control characters harmless.

use super::limits;
use super::look::Look;
use super::watch::Algorithm;
pub use manifest::Format;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One package, read back.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Report {
    /// Its format.
    pub format: Format,
    /// The file itself.
    pub file: FileFacts,
    /// Who made it, as far as it shows: `linkpack`, `makeself 2.4.5`, an rpm's RPMVERSION.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    /// What it is called.
    pub identity: Identity,
    /// The pieces that the file consists of, in their order.
    pub parts: Vec<Part>,
    /// Where it installs to by default, when it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The services that it registers.
    pub services: Vec<Service>,
    /// Baked defaults, debconf questions, properties. Values that are secret by their name are masked.
    pub settings: Vec<Setting>,
    /// What it needs, offers and excludes, one by one.
    pub relations: Vec<Relation>,
    /// What runs at installation and removal.
    pub scripts: Vec<Script>,
    /// An MSI's tables and how many rows they have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, usize>,
    /// What is installed, in the package's order.
    pub files: Vec<FileEntry>,
    /// Signatures that are there; they are not checked here.
    pub signatures: Vec<Signature>,
    /// What the package says about its own bytes.
    pub claims: Claims,
    /// Parts that cannot be read, and rules of the format that are broken.
    pub damage: Vec<Damage>,
    /// What an auditor should know though nothing is wrong.
    pub notes: Vec<String>,
    /// What the format's own tool takes and lint does not.
    #[serde(skip)]
    pub oddities: Vec<Oddity>,
    /// Whether the payload has the digest that the header states of it: a signature over the header covers both then.
    #[serde(skip)]
    pub payload_compared: bool,
}

/// Something that the format's own tool takes though it is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    /// Lint's rule.
    pub rule: &'static str,
    /// The part or the file.
    pub part: String,
    /// What it is.
    pub what: &'static str,
}

impl Report {
    /// A report that says nothing yet.
    pub fn new(format: Format, file: FileFacts) -> Self {
        Report {
            format,
            file,
            made_by: None,
            identity: Identity::default(),
            parts: Vec::new(),
            root: None,
            services: Vec::new(),
            settings: Vec::new(),
            relations: Vec::new(),
            scripts: Vec::new(),
            tables: BTreeMap::new(),
            files: Vec::new(),
            signatures: Vec::new(),
            claims: Claims::default(),
            damage: Vec::new(),
            notes: Vec::new(),
            oddities: Vec::new(),
            payload_compared: false,
        }
    }

    /// Whether linkpack made it.
    pub fn is_ours(&self) -> bool {
        self.made_by.as_deref().is_some_and(|maker| maker.starts_with("linkpack"))
    }

    pub(super) fn damaged(&mut self, part: impl Into<String>, what: impl Into<String>) {
        if self.damage.len() < limits::LISTED {
            self.damage.push(Damage { part: part.into(), what: what.into(), unread: false });
        }
    }

    pub(super) fn odd(&mut self, rule: &'static str, part: impl Into<String>, what: &'static str) {
        if self.oddities.len() < limits::LISTED {
            self.oddities.push(Oddity { rule, part: part.into(), what });
        }
    }

    /// An error as damage of that part: what happened and its first fact.
    pub(super) fn damaged_by(&mut self, part: impl Into<String>, error: &base::Error) {
        let note = error.notes().first().map(|note| format!(": {note}")).unwrap_or_default();
        if self.damage.len() < limits::LISTED {
            let (part, what) = (part.into(), format!("{}{note}", error.what()));
            self.damage.push(Damage { part, what, unread: error.is_unsupported() });
        }
    }

    /// What reading a part came to: damage, unless the user wants to stop.
    pub(super) fn settle(&mut self, part: &str, done: base::Result<()>) -> base::Result<()> {
        match done {
            Err(error) if error.is_interrupted() => Err(error),
            Err(error) => {
                self.damaged_by(part, &error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    pub(super) fn relate(&mut self, kind: &str, what: impl Into<String>) {
        if self.relations.len() < limits::LINES {
            self.relations.push(Relation { kind: kind.to_owned(), what: what.into() });
        }
    }

    pub(super) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        if self.settings.len() < limits::LINES {
            let value = if is_secret(&name) && !value.is_empty() { MASK.to_owned() } else { value };
            self.settings.push(Setting { name, value });
        }
    }

    /// Adds a script, cut where it is longer than a report holds.
    pub(super) fn script(&mut self, name: impl Into<String>, interpreter: Option<String>, text: &[u8]) {
        let kept: usize = self.scripts.iter().map(|script| script.text.len()).sum();
        let text = String::from_utf8_lossy(&text[..text.len().min(limits::SCRIPT).min(limits::SCRIPTS.saturating_sub(kept))]);
        self.scripts.push(Script { name: name.into(), interpreter, text: text.into_owned() });
    }
}

/// The file of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FileFacts {
    /// Its name without the folder.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Hexadecimal.
    pub sha256: String,
}

/// What a package is called. Empty texts stand for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Identity {
    /// The package's or product's name.
    pub name: String,
    /// The upstream version; of a DEB with its epoch and revision.
    pub version: String,
    /// RPM's release.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub release: String,
    /// RPM's epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// As the format writes it: amd64, x86_64, x64.
    pub architecture: String,
    /// One line about it.
    pub summary: String,
    /// More about it.
    pub description: String,
    /// Who publishes it.
    pub publisher: String,
    /// Whom to write to.
    pub contact: String,
    /// The licence.
    pub license: String,
    /// The home page.
    pub homepage: String,
    /// A DEB's section, an RPM's group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub section: String,
    /// An RPM without binaries: what binary packages are built from.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub source: bool,
    /// An MSI's ProductCode.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub product_code: String,
    /// An MSI's UpgradeCode.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub upgrade_code: String,
    /// An MSI's package code.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub package_code: String,
}

/// A piece of the file: an ar member, an RPM's header, a stub, a cabinet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Part {
    /// What it is called.
    pub name: String,
    /// Where in the file it begins; a cabinet's place is not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Bytes as they are.
    pub size: u64,
    /// How it is compressed: gzip, xz, zstd, plain, MSZIP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
}

/// A service that the package registers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// What it runs, as far as the package says.
    pub program: String,
    /// How it starts: systemd, SysV, automatic.
    pub start: String,
}

/// A setting with its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value, or `(hidden)`.
    pub value: String,
}

/// What stands for the value of a secret.
pub const MASK: &str = "(hidden)";

/// A relation to other packages, in the format's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Relation {
    /// `depends`, `requires`, `provides`, `conflicts` ...
    pub kind: String,
    /// One of them: `libc6 (>= 2.34)`, alternatives included.
    pub what: String,
}

/// A script, or an MSI's custom action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Script {
    /// postinst, %post, stub.
    pub name: String,
    /// What runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// Its text, bytes that are not UTF-8 replaced.
    pub text: String,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name of an earlier file; its digest is that file's.
    HardLink,
    /// A device node, pipe or socket.
    Special,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FileEntry {
    /// Its path ([`path_text`]): absolute where the package says where it goes, else relative to its root.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Bytes of a file, 0 for others.
    pub size: u64,
    /// The permission bits, set-uid and the like included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// The owner's name, or its number where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Arc<str>>,
    /// The group's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Arc<str>>,
    /// A link's target ([`path_text`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtime: Option<i64>,
    /// Administrators edit it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub config: bool,
    /// Listed but not shipped.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ghost: bool,
    /// SHA-256 of the content as it was read.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "hex_or_none")]
    #[schemars(with = "Option<String>")]
    pub sha256: Option<[u8; 32]>,
    /// What lint has to know of the content, where there is anything.
    #[serde(skip)]
    pub look: Option<Arc<Look>>,
}

impl FileEntry {
    /// An entry of that kind at that path, and nothing else known.
    pub fn new(path: String, kind: FileKind) -> Self {
        FileEntry {
            path,
            kind,
            size: 0,
            mode: None,
            owner: None,
            group: None,
            target: None,
            mtime: None,
            config: false,
            ghost: false,
            sha256: None,
            look: None,
        }
    }
}

fn hex_or_none<S: Serializer>(digest: &Option<[u8; 32]>, serializer: S) -> Result<S::Ok, S::Error> {
    digest.map(hex::encode).serialize(serializer)
}

/// A signature that is there, not judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Signature {
    /// `OpenPGP`, `Authenticode` ...
    pub kind: String,
    /// Such as `RSA/SHA-256`, where it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// The key's id or fingerprint, or the signer's name, as the signature states it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Where it is: an ar member, a header's tag, a stream.
    pub place: String,
    /// Its bytes, to be checked.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// What the package says about its own bytes, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Claims {
    /// How many claims of each sort hold: `SHA-256 of files` and the like.
    pub held: BTreeMap<String, u64>,
    /// Claims about the package's parts, and those about files that do not hold. The claims about files that hold are only counted:
    /// there can be hundreds of thousands.
    pub listed: Vec<Claim>,
}

/// One claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Claim {
    /// What it is about: a part of the package, or a file's path.
    pub subject: String,
    /// What is claimed: `SHA-256`, `size`, `presence` ...
    pub algorithm: String,
    /// As the package says.
    pub claimed: String,
    /// As it is.
    pub found: String,
}

impl Claim {
    /// Whether what is claimed is what was found.
    pub fn holds(&self) -> bool {
        self.claimed == self.found
    }
}

impl Claims {
    /// Notes a claim about a part of the package.
    pub fn part(&mut self, subject: &str, algorithm: &str, claimed: impl Into<String>, found: impl Into<String>) {
        let (claimed, found) = (claimed.into(), found.into());
        let claim = Claim { subject: subject.to_owned(), algorithm: algorithm.to_owned(), claimed, found };
        if claim.holds() {
            *self.held.entry(format!("{algorithm} of the package")).or_default() += 1;
        }
        self.listed.push(claim);
    }

    /// Notes a claim about a file.
    pub fn file(&mut self, path: &str, algorithm: &str, claimed: &[u8], found: &[u8]) {
        self.file_text(path, algorithm, claimed == found, || (hex::encode(claimed), hex::encode(found)));
    }

    /// The same of anything that is text.
    pub fn file_text(&mut self, path: &str, algorithm: &str, holds: bool, texts: impl FnOnce() -> (String, String)) {
        let name = format!("{algorithm} of files");
        if holds {
            *self.held.entry(name).or_default() += 1;
            return;
        }
        let (claimed, found) = texts();
        self.listed.push(Claim { subject: path.to_owned(), algorithm: algorithm.to_owned(), claimed, found });
    }

    /// Whether the package says anything about its bytes.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.listed.is_empty()
    }
}

impl Algorithm {
    /// The digest's name as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha1 => "SHA-1",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha224 => "SHA-224",
            Algorithm::Sha384 => "SHA-384",
            Algorithm::Sha512 => "SHA-512",
        }
    }
}

/// A part that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Damage {
    /// The part: a member, a header, a table.
    pub part: String,
    /// What is wrong with it.
    pub what: String,
    /// Nothing is known to be wrong: linkpack does not read its kind.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unread: bool,
}

/// A path as text that no two paths share: UTF-8 as it is, a byte that is none as `\xNN`, a backslash as `\\`.
pub fn path_text(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                c => text.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// How many bytes the path has that [`path_text`] made this text of.
pub(super) fn path_length(text: &str) -> u64 {
    let (mut length, mut rest) = (0, text.as_bytes());
    while let [first, after @ ..] = rest {
        length += 1;
        rest = match (first, after) {
            (b'\\', [b'x', _, _, after @ ..] | [_, after @ ..]) => after,
            _ => after,
        };
    }
    length
}

/// A text of the package, cut at [`limits::TEXT`].
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(limits::TEXT)]).trim().to_owned()
}

/// Whether a setting's name says that its value is a secret; where a secret lies is none.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let place = ["FILE", "PATH", "DIR", "FOLDER"].iter().any(|end| name.ends_with(end));
    let word = ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "CREDENTIAL", "APIKEY", "API_KEY", "PRIVATE_KEY", "PRIVATEKEY"];
    let end = ["TOKEN", "TOKEN_VALUE", "TOKENVALUE", "PWD"];
    !place && (word.iter().any(|word| name.contains(word)) || end.iter().any(|end| name.ends_with(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_paths_are_the_same_text() {
        assert_eq!(path_text(b"usr/caf\xc3\xa9"), "usr/caf\u{e9}");
        assert_eq!(path_text(b"caf\xe9"), "caf\\xe9");
        assert_eq!(path_text(b"caf\\xe9"), "caf\\\\xe9");
    }

    #[test]
    fn the_length_of_a_path_is_that_of_its_bytes() {
        for path in [&b""[..], b"a/b", b"caf\xc3\xa9", b"caf\xe9", b"caf\\xe9", b"\\", b"\xff\\x"] {
            assert_eq!(path_length(&path_text(path)), path.len() as u64, "{}", path_text(path));
        }
    }

    #[test]
    fn the_place_of_a_secret_is_no_secret() {
        for name in ["DB_PASSWORD", "ClientSecret", "TOKEN", "ENROLL_TOKEN_VALUE", "SVC_PWD", "API_KEY"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["TOKEN_FILE", "SECRET_PATH", "SERVER_URL", "PasswordFolder", "TOKENS_USED"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn a_secret_setting_is_masked() {
        let mut report = Report::new(Format::Deb, FileFacts { name: "x".into(), size: 0, sha256: String::new() });
        report.set("DB_PASSWORD", "hunter2");
        report.set("TOKEN_FILE", "/etc/token");
        assert_eq!(report.settings[0].value, MASK);
        assert_eq!(report.settings[1].value, "/etc/token");
    }
}
