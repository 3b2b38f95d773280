//! Who made something, and whether it is what they made: keys, signers, signatures and their verdicts. Knows digests and bytes, and
//! no package format.

pub mod authenticode;
pub mod certificate;
mod cms;
mod der;
pub mod key;
pub mod keys;
pub mod openpgp;
mod pkcs12;
pub mod secret;
pub mod signer;
pub mod timestamp;
pub mod verdict;

pub use verdict::Verdict;
