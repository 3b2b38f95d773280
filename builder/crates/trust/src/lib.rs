//! What lets a site check packages: who made them (keys, signers, signatures and their verdicts), what is in them, and how they were
//! made. Knows digests and bytes, and no package format.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod authenticode;
pub mod certificate;
pub mod cms;
mod der;
pub mod key;
pub mod key_file;
pub mod keys;
pub mod openpgp;
pub mod openpgp_text;
mod pkcs12;
pub mod program;
pub mod provenance;
pub mod record;
pub mod sbom;
pub mod secret;
pub mod signer;
pub mod timestamp;
pub mod verdict;

pub use verdict::Verdict;
