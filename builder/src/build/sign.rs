//! Signing: which key signs which format, at a build and later.

use crate::error::{Error, Result};
use crate::format::ProgramSignatures;
pub use crate::format::Signing;
use crate::listener::Listener;
use crate::trust::certificate::Certificate;
use crate::trust::key::PublicKey;
use crate::trust::key_file::KeyFile;
use crate::trust::openpgp::OpenPgpSigner;
use crate::trust::secret::{key_file, public_file, PasswordSource};
use crate::trust::signer::{ShellCommand, Signer};
use crate::trust::timestamp::Stamper;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where keys are. No secret is in here.
#[derive(Debug, Clone, Default)]
pub struct SigningOptions {
    /// A private key for MSI, `.run` and SHA256SUMS.
    pub key: Option<PathBuf>,
    /// Its certificate and those of its issuers.
    pub certificates: Option<PathBuf>,
    /// The public half where a command signs and there is no certificate.
    pub public_key: Option<PathBuf>,
    /// A secret OpenPGP key for RPM and DEB.
    pub openpgp_key: Option<PathBuf>,
    /// What opens the keys.
    pub password: PasswordSource,
    /// Signs a digest instead of a key.
    pub sign_command: Option<String>,
    /// Makes OpenPGP signatures instead of a key.
    pub openpgp_command: Option<String>,
    /// A time stamping authority.
    pub timestamp_url: Option<String>,
    /// Asks one.
    pub timestamp_command: Option<String>,
    /// SOURCE_DATE_EPOCH: OpenPGP signatures are of that time.
    pub epoch: Option<i64>,
    /// Signatures that programs for Windows get back: of a build that is done again.
    pub program_signatures: Arc<ProgramSignatures>,
}

impl Signing {
    /// Opens the keys.
    ///
    /// # Errors
    /// One cannot be read or opened, or is of no use.
    pub fn open(options: &SigningOptions, listener: &dyn Listener) -> Result<Signing> {
        if let Some(path) = options.certificates.as_ref().filter(|_| options.key.is_none() && options.sign_command.is_none()) {
            return Err(Error::new(format!("--cert {} has no key: a certificate alone signs nothing", path.display()))
                .help("give its private key with --key FILE, or what signs with it with --sign-command COMMAND"));
        }
        let password = options.password.read(listener)?;
        let password = password.as_ref().map(|password| password.as_str());
        let hidden = options.password.variable();
        let (signer, chain) = signer(options, password, hidden, listener)?;
        let openpgp = match (&options.openpgp_key, &options.openpgp_command) {
            (Some(path), _) => {
                let at = options.epoch.and_then(|epoch| u32::try_from(epoch).ok());
                let key = OpenPgpSigner::read(&key_file(path, listener)?, password, at);
                Some(key.map_err(|error| error.note(format!("in {}", path.display())))?)
            }
            (None, Some(line)) => Some(OpenPgpSigner::Command(ShellCommand::new(line, "--openpgp-command", hidden))),
            (None, None) => None,
        };
        let command = |line: &String| Stamper::Command(ShellCommand::new(line, "--timestamp-command", hidden));
        let url = |url: &String| Stamper::at(url, hidden);
        let stamper = options.timestamp_url.as_ref().map(url).or(options.timestamp_command.as_ref().map(command));
        Ok(Signing { signer, chain, openpgp, stamper, program_signatures: options.program_signatures.clone() })
    }

    /// Signs SHA256SUMS; `None` without a key for it.
    ///
    /// # Errors
    /// The key fails.
    pub fn sign_sums(&self, sums: &[u8]) -> Result<Option<Vec<u8>>> {
        let digest: [u8; 32] = Sha256::digest(sums).into();
        self.signer.as_ref().map(|signer| signer.sign(&digest, "sums")).transpose()
    }
}

fn signer(
    options: &SigningOptions,
    password: Option<&str>,
    hidden: Option<&str>,
    listener: &dyn Listener,
) -> Result<(Option<Signer>, Vec<Certificate>)> {
    let about = |path: &Path| format!("in {}", path.display());
    let mut chain = Vec::new();
    if let Some(path) = &options.certificates {
        chain = Certificate::read_all(&public_file(path)?).map_err(|error| error.note(about(path)))?;
    }
    let signer = match (&options.key, &options.sign_command) {
        (Some(path), _) => {
            let file = KeyFile::read(&key_file(path, listener)?, password).map_err(|error| error.note(about(path)))?;
            chain.extend(file.certificates);
            Signer::key(file.key)?
        }
        (None, Some(line)) => {
            let public = match &options.public_key {
                Some(path) => std::str::from_utf8(&public_file(path)?).ok().and_then(PublicKey::from_pem),
                None => chain.first().and_then(Certificate::public_key),
            };
            let public = public.ok_or_else(|| {
                Error::new("it is not known which key --sign-command signs with")
                    .help("give its certificate with --cert FILE, or its public key in PEM with --public-key FILE")
            })?;
            Signer::command(ShellCommand::new(line, "--sign-command", hidden), public)?
        }
        (None, None) => return Ok((None, Vec::new())),
    };
    let chain = ordered(chain, &signer)?;
    Ok((Some(signer), chain))
}

/// The signer's certificate first, and each only once.
fn ordered(all: Vec<Certificate>, signer: &Signer) -> Result<Vec<Certificate>> {
    if all.is_empty() {
        return Ok(all);
    }
    let at = all.iter().position(|one| one.public_key().as_ref() == Some(signer.public())).ok_or_else(|| {
        Error::new("no certificate belongs to the key")
            .help("give the key's own certificate with --cert, then those of its issuers")
    })?;
    let mut chain: Vec<Certificate> = Vec::new();
    for one in std::iter::once(&all[at]).chain(&all) {
        if !chain.contains(one) {
            chain.push(one.clone());
        }
    }
    Ok(chain)
}
