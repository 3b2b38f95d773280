//! The keys that packages are signed with.

use super::ProgramSignatures;
use crate::trust::certificate::Certificate;
use crate::trust::keys::Keys;
use crate::trust::openpgp::OpenPgpSigner;
use crate::trust::signer::Signer;
use crate::trust::timestamp::Stamper;
use std::sync::Arc;

/// How packages of a format are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signatures {
    /// By an OpenPGP key.
    OpenPgp,
    /// By a key with a certificate, as Windows takes it.
    Authenticode,
    /// By a key alone.
    Detached,
}

impl Signatures {
    /// What reports call them.
    pub fn name(self) -> &'static str {
        match self {
            Signatures::OpenPgp => "OpenPGP",
            Signatures::Authenticode => "Authenticode",
            Signatures::Detached => "detached",
        }
    }

    /// Whether there is a key to make them with.
    pub fn are_made_by(self, keys: &Signing) -> bool {
        match self {
            Signatures::OpenPgp => keys.openpgp.is_some(),
            Signatures::Authenticode => keys.signer.is_some() && !keys.chain.is_empty(),
            Signatures::Detached => keys.signer.is_some(),
        }
    }

    /// Whether there is a key to judge them by.
    pub fn are_known_to(self, keys: &Keys) -> bool {
        match self {
            Signatures::OpenPgp => !keys.openpgp.is_empty(),
            Signatures::Authenticode => !keys.certificates.is_empty(),
            Signatures::Detached => !keys.public.is_empty(),
        }
    }
}

/// Opened keys.
#[derive(Default)]
pub struct Signing {
    pub(crate) signer: Option<Signer>,
    pub(crate) chain: Vec<Certificate>,
    pub(crate) openpgp: Option<OpenPgpSigner>,
    pub(crate) stamper: Option<Stamper>,
    pub(crate) program_signatures: Arc<ProgramSignatures>,
}

impl Signing {
    /// Whether any package is signed.
    pub fn signs(&self) -> bool {
        self.signer.is_some() || self.openpgp.is_some()
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

    /// Who is asked for the time.
    pub fn stamper(&self) -> Option<&Stamper> {
        self.stamper.as_ref()
    }
}
