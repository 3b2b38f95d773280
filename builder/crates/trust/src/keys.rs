//! The keys that signatures are judged by, recognised by what is in their files.

use super::certificate::Certificate;
use super::key::PublicKey;
use super::openpgp::KeyRing;
use super::secret::public_file;
use base::error::{Error, Result};
use std::path::{Path, PathBuf};

/// What is trusted.
#[derive(Debug, Default)]
pub struct Keys {
    /// OpenPGP keys, for RPM and DEB.
    pub openpgp: KeyRing,
    /// Certificates of authorities or of signers, for MSI.
    pub certificates: Vec<Certificate>,
    /// Public keys, also those of the certificates, for `.run` and SHA256SUMS.
    pub public: Vec<PublicKey>,
}

impl Keys {
    /// Reads files of any kind.
    ///
    /// # Errors
    /// One cannot be read, or holds no key.
    pub fn read(paths: &[PathBuf]) -> Result<Keys> {
        let mut keys = Keys::default();
        for path in paths {
            keys.add(path).map_err(|error| error.note(format!("in {}", path.display())))?;
        }
        Ok(keys)
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        let bytes = public_file(path)?;
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let openpgp = text.contains("-----BEGIN PGP ") || (text.is_empty() && bytes.first().is_some_and(|byte| byte & 0x80 != 0));
        if openpgp {
            self.openpgp.extend(KeyRing::read(&bytes)?);
        } else if text.contains("-----BEGIN CERTIFICATE-----") || bytes.first() == Some(&0x30) {
            let certificates = Certificate::read_all(&bytes)?;
            self.public.extend(certificates.iter().filter_map(Certificate::public_key));
            self.certificates.extend(certificates);
        } else if let Some(key) = PublicKey::from_pem(text) {
            self.public.push(key);
        } else if text.contains("PRIVATE KEY-----") {
            return Err(Error::new("this is a private key: it should never leave the machine that signs")
                .help("give its public half: openssl pkey -in KEY -pubout"));
        } else {
            return Err(Error::new("there is no key in it that linkpack knows")
                .help("give an OpenPGP key (gpg --export), a certificate in PEM, or a public key in PEM of RSA or of ECDSA on P-256 or P-384"));
        }
        Ok(())
    }
}
