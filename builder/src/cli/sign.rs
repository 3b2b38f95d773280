//! `linkpack sign`, and the options for it that `linkpack build` has, too.

use super::arguments::{SignArguments, SigningArguments};
use super::screen::Screen;
use super::told;
use crate::build::{resign, Signing, SigningOptions};
use crate::error::{Error, Result};
use crate::trust::secret::PasswordSource;

/// Signs packages and says by which keys.
pub fn run(arguments: &SignArguments) -> Result<()> {
    let screen = Screen::new(arguments.quiet);
    let options = options(&arguments.signing, super::epoch::epoch(std::env::var_os("SOURCE_DATE_EPOCH"))?);
    let signing = Signing::open(&options, &screen)?;
    if !signing.signs() {
        return Err(Error::new("there is no key to sign with")
            .help("give --openpgp-key FILE for RPM and DEB, --key FILE (and --cert FILE) for MSI, .run and SHA256SUMS"));
    }
    let signed = resign::sign(&arguments.packages, &signing, arguments.sign_programs, &screen)?;
    if arguments.json {
        return super::print(&told::json(&told::Signed { packages: signed }));
    }
    for one in &signed {
        match &one.signed {
            Some(by) => screen.result(&format!("{}  signed by {}", one.path.display(), by.key)),
            None => screen.result(&format!("{}  skipped: no key given for this format", one.path.display())),
        }
    }
    Ok(())
}

/// The options as the library takes them.
pub fn options(arguments: &SigningArguments, epoch: Option<i64>) -> SigningOptions {
    let file = || arguments.password_file.clone().map(PasswordSource::File);
    let descriptor = || arguments.password_fd.map(PasswordSource::Descriptor);
    let environment = || arguments.password_env.clone().map(PasswordSource::Environment);
    SigningOptions {
        key: arguments.key.clone(),
        certificates: arguments.cert.clone(),
        public_key: arguments.public_key.clone(),
        openpgp_key: arguments.openpgp_key.clone(),
        password: file().or_else(descriptor).or_else(environment).unwrap_or_default(),
        sign_command: arguments.sign_command.clone(),
        openpgp_command: arguments.openpgp_command.clone(),
        timestamp_url: arguments.timestamp_url.clone(),
        timestamp_command: arguments.timestamp_command.clone(),
        epoch,
        program_signatures: Default::default(),
    }
}
