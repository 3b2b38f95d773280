//! Signing: which key signs which format, at a build and later.

use super::packages::FormatName;
use crate::error::{Error, Result};
use crate::format::{deb, msi, rpm, run, site};
use crate::inspect;
use crate::listener::Listener;
use crate::trust::authenticode::About;
use crate::trust::certificate::{Certificate, Purpose};
use crate::trust::key::{PrivateKey, PublicKey};
use crate::trust::openpgp::OpenPgpSigner;
use crate::trust::record::Signed;
use crate::trust::secret::{key_file, public_file, PasswordSource};
use crate::trust::signer::{ShellCommand, Signer};
use crate::trust::timestamp::Stamper;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

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
}

/// Opened keys.
#[derive(Default)]
pub struct Signing {
    signer: Option<Signer>,
    chain: Vec<Certificate>,
    openpgp: Option<OpenPgpSigner>,
    stamper: Option<Stamper>,
}

impl Signing {
    /// Whether any package is signed.
    pub fn signs(&self) -> bool {
        self.signer.is_some() || self.openpgp.is_some()
    }

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
        let url = |url: &String| Stamper::Url { url: url.clone(), patience: Stamper::PATIENCE };
        let stamper = options.timestamp_url.as_ref().map(url).or(options.timestamp_command.as_ref().map(command));
        Ok(Signing { signer, chain, openpgp, stamper })
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.signer.is_none() && self.openpgp.is_none()
    }

    /// What signs MSI, `.run` and SHA256SUMS.
    pub fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()
    }

    /// What signs RPM and DEB.
    pub fn openpgp(&self) -> Option<&OpenPgpSigner> {
        self.openpgp.as_ref()
    }

    /// The signer's certificate and those of its issuers.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Whether packages of this format get a signature: asked before any work, so that none is done in vain.
    ///
    /// # Errors
    /// The certificate is of no use for it: expired, or not for code signing.
    pub fn covers(&self, format: FormatName, listener: &dyn Listener) -> Result<bool> {
        match format {
            FormatName::Deb | FormatName::Rpm => Ok(self.openpgp.is_some()),
            FormatName::Run | FormatName::Site => Ok(self.signer.is_some()),
            FormatName::Msi | FormatName::Mst => self.covers_msi(listener),
        }
    }

    fn covers_msi(&self, listener: &dyn Listener) -> Result<bool> {
        let Some(end) = self.chain.first() else {
            if self.signer.is_some() {
                listener.warning("no MSI is signed: that needs the key's certificate, --cert FILE");
            }
            return Ok(false);
        };
        end.check_use(Purpose::CodeSigning, SystemTime::now()).map_err(|why| {
            Error::new(format!("an MSI cannot be signed by {}: {why}", end.describe()))
                .note("Windows would refuse the signature, and timestamping now cannot fix an expired certificate")
                .help("sign with a certificate for code signing that is valid today (extendedKeyUsage = codeSigning)")
        })?;
        if self.stamper.is_none() {
            let until = end.valid_until();
            listener
                .info(&format!("without a time stamp an MSI's signature holds no longer than its certificate, until {until}"));
        }
        Ok(true)
    }

    /// Signs a package in place; `None` where no key is for its format. `path` is what the user knows it by.
    ///
    /// # Errors
    /// It is damaged, or cannot be signed.
    pub fn sign(&self, format: FormatName, file: &mut File, path: &Path, listener: &dyn Listener) -> Result<Option<Signed>> {
        let signed = match (format, &self.openpgp, &self.signer) {
            (FormatName::Deb, Some(openpgp), _) => {
                Some(Signed { kind: "openpgp".into(), key: deb::signing::sign(file, path, openpgp)?.key })
            }
            (FormatName::Rpm, Some(openpgp), _) => {
                Some(Signed { kind: "openpgp".into(), key: rpm::signing::sign(file, path, openpgp)?.key })
            }
            (FormatName::Run, _, Some(signer)) => {
                run::signing::sign(file, path, signer)?;
                Some(Signed { kind: "detached".into(), key: signer.public().fingerprint() })
            }
            (FormatName::Site, _, Some(signer)) => {
                site::sign(file, path, signer)?;
                Some(Signed { kind: "detached".into(), key: signer.public().fingerprint() })
            }
            (FormatName::Msi | FormatName::Mst, _, Some(signer)) => self.sign_msi(file, path, signer, listener)?,
            _ => None,
        };
        Ok(signed)
    }

    fn sign_msi(&self, file: &mut File, path: &Path, signer: &Signer, listener: &dyn Listener) -> Result<Option<Signed>> {
        let Some(end) = self.chain.first() else { return Ok(None) };
        let about = about(file, listener);
        let signing = msi::signing::MsiSigning { signer, chain: &self.chain, stamper: self.stamper.as_ref(), about: &about };
        msi::signing::sign(file, path, &signing)?;
        Ok(Some(Signed { kind: "authenticode".into(), key: end.describe() }))
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

/// What Windows shows of the package, from its own properties.
fn about(file: &File, listener: &dyn Listener) -> About {
    let clone = || file.try_clone().map_err(|error| Error::new(error.to_string()));
    if let Ok(Some(transform)) = clone().and_then(|file| inspect::msi::transform::read(file, None)) {
        return About { name: transform.summary.subject, url: None };
    }
    match clone().and_then(inspect::msi::read_tables) {
        Ok((database, _)) => {
            let property = |name: &str| database.property(name).filter(|text| !text.is_empty()).map(str::to_owned);
            About { name: property("ProductName"), url: property("ARPURLINFOABOUT").or_else(|| property("ARPHELPLINK")) }
        }
        Err(error) => {
            listener.warning(&format!("the signature will not name the product: {error}"));
            About::default()
        }
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
            let file = PrivateKey::read(&key_file(path, listener)?, password).map_err(|error| error.note(about(path)))?;
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
