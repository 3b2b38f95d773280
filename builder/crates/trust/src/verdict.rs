//! What is to be said of one signature.

/// A signature's judgement by the keys that were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The signature is right, and a given key made it.
    Good {
        /// The key: an OpenPGP fingerprint, or `NAME (sha256:...)` of a certificate, or `sha256:...` of a public key.
        by: String,
        /// What else is worth saying, such as the time of a countersignature.
        note: Option<String>,
    },
    /// It is wrong, or made in a way that proves nothing.
    Bad {
        /// A clause that people read.
        why: String,
    },
    /// None of the given keys made it.
    OtherKey {
        /// What the signature says of its key.
        by: String,
    },
    /// There is no signature.
    Unsigned,
}

impl Verdict {
    /// A wrong signature.
    pub fn bad(why: impl Into<String>) -> Verdict {
        Verdict::Bad { why: why.into() }
    }

    /// Whether the signature is right and by a given key.
    pub fn is_good(&self) -> bool {
        matches!(self, Verdict::Good { .. })
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Verdict::Good { by, note: None } => write!(f, "good signature by {by}"),
            Verdict::Good { by, note: Some(note) } => write!(f, "good signature by {by}; {note}"),
            Verdict::Bad { why } => write!(f, "BAD signature: {why}"),
            Verdict::OtherKey { by } => write!(f, "made by another key: {by}"),
            Verdict::Unsigned => f.write_str("unsigned"),
        }
    }
}
