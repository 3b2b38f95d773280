//! What lint has to know of a content: what kind of program it is, and secrets in it. Found while the bytes pass.

use payload::program::{Binary, Passing};

/// What is known of a content besides its digests; nothing is kept of one that has none of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// The program that it is.
    pub binary: Option<Binary>,
    /// What a script's first line names.
    pub interpreter: Option<String>,
    /// What looks like a secret in a text.
    pub secrets: Vec<Secret>,
}

/// Something that should not be in a file that everybody can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// What it is.
    pub kind: SecretKind,
    /// The line it is on, from 1.
    pub line: usize,
    /// Whether that line is indented, as in the example of a document.
    pub indented: bool,
}

/// A kind of secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// A private key in PEM, not encrypted.
    PrivateKey,
    /// The beginning of one, which dots or its end cut off: an example.
    CutKey,
    /// An AWS access key's secret, or its id.
    AwsKey,
    /// A value given to a name such as `password`, which counts in configuration only.
    Password,
}

impl SecretKind {
    /// As a finding names it.
    pub fn name(self) -> &'static str {
        match self {
            SecretKind::PrivateKey => "a private key",
            SecretKind::CutKey => "the beginning of a private key, as an example has it",
            SecretKind::AwsKey => "an AWS access key",
            SecretKind::Password => "a password or token",
        }
    }
}

/// Looks at contents, one after the other.
#[derive(Default)]
pub struct Looking {
    program: Passing,
    text: Vec<u8>,
}

/// How much of a text is looked at, in bytes.
const TEXT: usize = 256 << 10;
/// Secrets of one content that are told.
const MOST_SECRETS: usize = 8;

impl Looking {
    /// The next bytes of the content.
    pub fn push(&mut self, bytes: &[u8]) {
        self.program.push(bytes);
        let room = TEXT - self.text.len();
        if room > 0 && !self.program.may_be_program() {
            self.text.extend(&bytes[..room.min(bytes.len())]);
        }
    }

    /// What it was; the next content begins.
    pub fn finish(&mut self) -> Option<Look> {
        let binary = std::mem::take(&mut self.program).finish();
        let text = std::mem::take(&mut self.text);
        let look = match binary {
            Some(_) => Look { binary, ..Look::default() },
            None => Look { binary: None, interpreter: interpreter(&text), secrets: secrets(&text) },
        };
        (look != Look::default()).then_some(look)
    }
}

/// The program of a script's first line, without what is handed to it; `env` counts as what it looks for.
fn interpreter(text: &[u8]) -> Option<String> {
    let line = text.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let line = std::str::from_utf8(line.get(..line.len().min(200))?).ok()?;
    let mut words = line.split_whitespace();
    let program = words.next().filter(|program| program.starts_with('/'))?;
    match program.ends_with("/env") {
        true => words.find(|word| !word.starts_with('-') && !word.contains('=')).map(str::to_owned),
        false => Some(program.to_owned()),
    }
}

/// Secrets in a text; in bytes that are no text, none.
pub fn secrets(text: &[u8]) -> Vec<Secret> {
    if text.contains(&0) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut lines = text.split(|&byte| byte == b'\n').enumerate();
    while let Some((at, line)) = lines.next() {
        if let Some(kind) = secret(line, lines.clone().map(|(_, line)| line)) {
            found.push(Secret { kind, line: at + 1, indented: line.starts_with(b" ") || line.starts_with(b"\t") });
        }
        if found.len() == MOST_SECRETS {
            break;
        }
    }
    found
}

fn secret<'t>(line: &[u8], mut next: impl Iterator<Item = &'t [u8]>) -> Option<SecretKind> {
    const LONGEST: usize = 1000;
    let line = line.get(..line.len().min(LONGEST)).and_then(|line| std::str::from_utf8(line).ok())?.trim();
    if let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) {
        // The next line is the key itself: not an example with dots, nor the headers of an encrypted one.
        let plain = label.ends_with("PRIVATE KEY") && !label.starts_with("ENCRYPTED");
        let first = next.next().filter(|first| plain && first.trim_ascii().len() >= 32 && is_base64(first))?;
        return Some(key(first, next));
    }
    if aws_key(line) {
        return Some(SecretKind::AwsKey);
    }
    password(line).then_some(SecretKind::Password)
}

fn is_base64(line: &[u8]) -> bool {
    line.trim_ascii().iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte))
}

/// Whether the lines up to the end are a key's, from its first on: one of Curve25519 has 64 characters.
fn key<'t>(first: &[u8], next: impl Iterator<Item = &'t [u8]>) -> SecretKind {
    const SHORTEST: usize = 60;
    const MOST_LINES: usize = 200;
    let mut len = first.trim_ascii().len();
    for line in next.take(MOST_LINES) {
        let line = line.trim_ascii();
        match () {
            () if line.starts_with(b"-----END ") => break,
            () if is_base64(line) => len += line.len(),
            // Something else: what comes before it is all that is there.
            () => return SecretKind::CutKey,
        }
    }
    if len >= SHORTEST {
        SecretKind::PrivateKey
    } else {
        SecretKind::CutKey
    }
}

/// An access key id: AKIA and 16 capitals and digits, alone; AWS's own example is none.
fn aws_key(line: &str) -> bool {
    line.match_indices("AKIA").any(|(at, _)| {
        let word = |c: char| c.is_ascii_alphanumeric();
        let key: String = line[at..].chars().take_while(|c| word(*c)).collect();
        let capitals = key.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        key.len() == 20 && capitals && !line[..at].ends_with(word) && !key.ends_with("EXAMPLE")
    })
}

/// `NAME = VALUE` or `"NAME": "VALUE"` with a name that means a secret and a value that can be one.
fn password(line: &str) -> bool {
    const NAMES: [&str; 8] = ["password", "passwd", "passphrase", "secret", "token", "apikey", "api_key", "api-key"];
    const NONE: [&str; 10] =
        ["null", "none", "true", "false", "changeme", "password", "secret", "example", "required", "optional"];
    if line.starts_with(['#', ';', '/', '*', '<']) {
        return false;
    }
    let Some((name, value)) = line.split_once(['=', ':']) else { return false };
    let name = name.trim().trim_matches(['"', '\'', '{', ' ']).to_ascii_lowercase();
    let value = value.trim().trim_end_matches([',', '}', ' ']).trim_matches(['"', '\'']);
    let plain = |c: char| c.is_ascii_graphic() && !"<>${}%()[]*`\\".contains(c);
    let named = NAMES.iter().any(|secret| name.ends_with(secret)) && name.len() < 60 && !name.contains(' ');
    let repeated = value.chars().all(|c| value.starts_with(c));
    let listed = NONE.iter().any(|none| value.to_ascii_lowercase().contains(none));
    named && (8..=200).contains(&value.len()) && value.chars().all(plain) && !value.starts_with('/') && !repeated && !listed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<SecretKind> {
        secrets(text.as_bytes()).into_iter().map(|secret| secret.kind).collect()
    }

    #[test]
    fn a_private_key_counts_with_its_body_alone() {
        let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";
        assert_eq!(kinds(&format!("-----BEGIN PRIVATE KEY-----\n{body}\n{body}\n")), [SecretKind::PrivateKey]);
        assert_eq!(
            kinds(&format!("  -----BEGIN RSA PRIVATE KEY-----\n  {body}\n  {body}\n  -----END RSA")),
            [SecretKind::PrivateKey]
        );
        assert_eq!(kinds(&format!("-----BEGIN RSA PRIVATE KEY-----\n{body}\n...\n-----END RSA")), [SecretKind::CutKey]);
        assert_eq!(kinds(&format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")), [SecretKind::CutKey]);
        for other in
            ["-----BEGIN PRIVATE KEY-----\n...\n", "-----BEGIN CERTIFICATE-----\n", "x = \"-----BEGIN PRIVATE KEY-----\"\n"]
        {
            assert_eq!(kinds(other), [], "{other}");
        }
        assert_eq!(kinds(&format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}\n")), []);
    }

    #[test]
    fn passwords_are_values_not_their_descriptions() {
        for secret in ["DBPassword=Tr0ub4dor&3x", "  \"api_key\": \"0123456789abcdef\",", "auth.token: ghp_0123456789abcdef"] {
            assert_eq!(kinds(secret), [SecretKind::Password], "{secret}");
        }
        for fine in [
            "# DBPassword=Tr0ub4dor",
            "password=",
            "password = <your password>",
            "password: ${DB_PASSWORD}",
            "token_file=/etc/intigua/token",
            "password=********",
            "secret=changeme-now",
            "requires a password: type it in",
        ] {
            assert_eq!(kinds(fine), [], "{fine}");
        }
        assert_eq!(kinds("aws = AKIA2E0A8F3B244C9986"), [SecretKind::AwsKey]);
        assert_eq!(kinds("aws = AKIAIOSFODNN7EXAMPLE"), []);
    }
}
