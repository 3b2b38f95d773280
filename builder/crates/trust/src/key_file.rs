//! Files of private keys.

use super::certificate::Certificate;
use super::key::PrivateKey;
use super::pkcs12;
use base::error::Result;

/// A key, and the certificates that came in one file with it.
pub struct KeyFile {
    /// The key.
    pub key: PrivateKey,
    /// Certificates of a PKCS#12 file or behind a PEM key; empty for a bare key.
    pub certificates: Vec<Certificate>,
}

impl KeyFile {
    /// Reads a key of any form: PEM with or without certificates, PKCS#8, PKCS#1, SEC1, PKCS#12.
    ///
    /// # Errors
    /// Not a key, a kind that is not supported, a wrong or missing password.
    pub fn read(bytes: &[u8], password: Option<&str>) -> Result<KeyFile> {
        match std::str::from_utf8(bytes).ok().filter(|text| text.contains("-----BEGIN ")) {
            Some(text) => {
                let certificates = match text.contains("-----BEGIN CERTIFICATE-----") {
                    true => Certificate::read_all(bytes)?,
                    false => Vec::new(),
                };
                Ok(KeyFile { key: PrivateKey::from_pem(text, password)?, certificates })
            }
            None => match PrivateKey::from_der(bytes) {
                Some(key) => Ok(KeyFile { key, certificates: Vec::new() }),
                None => {
                    let (key, certificates) = pkcs12::read(bytes, password.unwrap_or_default())?;
                    Ok(KeyFile { key, certificates })
                }
            },
        }
    }
}
