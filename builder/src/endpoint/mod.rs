//! The scripts of one package: what `installers/` and `templates/` hold, filled with the facts of a product.
//!
//! The shell modules are the logic, written once. A package holds them as files below `bin/lib/`; a script that runs while those are on
//! disk reads them, one that runs before or after carries the functions that it calls. docs/architecture.md says which does what,
//! docs/endpoint.md is the contract they keep.

mod defaults;
mod descriptor;
#[cfg(test)]
mod documented;
mod facts;
mod inline;
mod quote;
mod render;
pub mod windows;

pub use defaults::{client_defaults, seal_paths};
pub use descriptor::container_json;
pub use facts::{Arch, ContainerFact, Facts, FactsError, Settings};
pub use manifest::answers::{Answers, FIRST_LINE as SITE_FIRST_LINE, LIMIT as SITE_LIMIT};
pub use quote::{sh_quote, unit_quote};

use crate::compress::Codec;
pub use base::run_layout::{run_signature_field, RUN_SIGNATURE_AT, RUN_SUM_AT, RUN_SUM_COVERS_FROM};
use contract::names::{Names, FILE as NAMES_FILE};
use render::Channel;

/// Where the scripts look for programs, whatever the caller's PATH is.
pub const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Why scripts could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A fact cannot be put into a script, unit or configuration file.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// A template of linkpack itself is wrong: a name it uses is not defined, or an include is missing.
    #[error("a template of linkpack is broken: {0:#}; please report this")]
    Template(#[from] minijinja::Error),
    /// The stub did not settle on its own length.
    #[error("the stub of the .run grows with its own offset; please report this")]
    Offset,
}

impl From<Error> for crate::Error {
    fn from(error: Error) -> Self {
        crate::Error::new(error.to_string())
    }
}

/// The maintainer scripts and debconf files of a DEB's control archive.
/// See deb-preinst(5) and debconf-devel(7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebScripts {
    /// What the preinst reads: it runs before the package's files are there. Mode 0644.
    pub modules: String,
    /// Checks, keeps the old version, makes the root. Mode 0755, like every script here.
    pub preinst: String,
    /// Registers and starts; goes back when the new version does not come up.
    pub postinst: String,
    /// Stops at a removal.
    pub prerm: String,
    /// Cleans up after a removal, a purge or a broken-off installation.
    pub postrm: String,
    /// Asks debconf's questions.
    pub config: String,
    /// debconf's questions. Mode 0644.
    pub templates: String,
    /// The file of a site that the postinst hears of. Mode 0644.
    pub triggers: String,
}

/// The scriptlets of an RPM, for `/bin/sh` all but one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpmScripts {
    /// `%pretrans`, in Lua: makes way where a folder becomes a link or a file, and the other way round.
    pub pretrans: String,
    /// `%pre`: checks, keeps the old version.
    pub pre: String,
    /// `%post`: registers.
    pub post: String,
    /// `%preun`: stops at an erasure.
    pub preun: String,
    /// `%postun`: cleans up after an erasure.
    pub postun: String,
    /// `%posttrans`: starts, or goes back to the old version, whose files rpm has let go by then.
    pub posttrans: String,
}

/// What a stub must know of the payload behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RunPayload {
    /// Where the payload starts: bytes from the start of the file.
    offset: u64,
    /// How it is compressed.
    codec: Codec,
}

/// The control scripts of a DEB.
///
/// # Errors
/// When a fact cannot be expressed on the endpoint ([`FactsError`]).
pub fn deb_scripts(facts: &Facts) -> Result<DebScripts, Error> {
    let scripts = render::Scripts::new(facts, Channel::Deb)?;
    let preinst = scripts.render("deb/preinst")?;
    Ok(DebScripts {
        modules: scripts.render_for("deb/modules", &preinst)?,
        preinst,
        postinst: scripts.render("deb/postinst")?,
        prerm: scripts.render("deb/prerm")?,
        postrm: scripts.render("deb/postrm")?,
        config: scripts.render("deb/config")?,
        templates: scripts.render("deb/templates")?,
        triggers: scripts.render("deb/triggers")?,
    })
}

/// The file that a site's configuration package brings, and that the product's scripts read as the site's level of the settings.
fn site_file(names: &Names, product: &str) -> String {
    format!("{}/{product}.site", names.place("site"))
}

/// `%posttrans` and `%postun` of a site's configuration package.
///
/// # Errors
/// A template of linkpack's is wrong.
pub fn site_scriptlets(names: &Names) -> Result<(String, String), Error> {
    Ok((render::site_scriptlet(names, false)?, render::site_scriptlet(names, true)?))
}

/// The scriptlets of an RPM.
///
/// # Errors
/// As [`deb_scripts`].
pub fn rpm_scripts(facts: &Facts) -> Result<RpmScripts, Error> {
    let scripts = render::Scripts::new(facts, Channel::Rpm)?;
    Ok(RpmScripts {
        pretrans: scripts.render("rpm/pretrans")?,
        pre: scripts.render("rpm/pre")?,
        post: scripts.render("rpm/post")?,
        preun: scripts.render("rpm/preun")?,
        postun: scripts.render("rpm/postun")?,
        posttrans: scripts.render("rpm/posttrans")?,
    })
}

/// The stub of a `.run`, unsigned and with 64 zeros for `LP_SUM` at [`RUN_SUM_AT`]; the writer puts the SHA-256 of everything
/// from [`RUN_SUM_COVERS_FROM`] there.
///
/// # Errors
/// As [`deb_scripts`].
fn run_stub(facts: &Facts, payload: RunPayload) -> Result<String, Error> {
    Ok(render::Scripts::new(facts, Channel::Run(payload))?.render("run.sh")?)
}

/// The stub whose offset is its own length: the payload follows directly.
///
/// # Errors
/// As [`deb_scripts`].
pub fn run_stub_fitted(facts: &Facts, codec: Codec) -> Result<String, Error> {
    let mut offset = 0;
    for _ in 0..8 {
        let stub = run_stub(facts, RunPayload { offset, codec })?;
        if stub.len() as u64 == offset {
            return Ok(stub);
        }
        offset = stub.len() as u64;
    }
    Err(Error::Offset)
}

/// A file that linkpack itself puts below the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinFile {
    /// Relative to the root.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// What is in it.
    pub text: String,
}

/// `bin/linkctl` and the modules that it and the package managers' scripts read: the same in every format, sorted.
///
/// # Errors
/// As [`deb_scripts`].
pub fn bin_files(facts: &Facts) -> Result<Vec<BinFile>, Error> {
    let scripts = render::Scripts::new(facts, Channel::Any)?;
    let file = |path: String, mode, text| BinFile { path, mode, text };
    let module = |name: &str, text| file(format!("bin/lib/{name}"), 0o644, text);
    let mut files: Vec<_> = render::module_files()?.into_iter().map(|(name, text)| module(name, text)).collect();
    for name in ["entry.sh", "facts.sh", "texts.sh"] {
        files.push(module(name, scripts.render(name)?));
    }
    files.push(file("bin/linkctl".to_owned(), 0o755, scripts.render("linkctl.sh")?));
    let changed = facts.names.changed("\n");
    if !changed.is_empty() {
        files.push(file(NAMES_FILE.to_owned(), 0o644, changed));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// What `linkpack preflight [--root DIR] [--json]` gives to `/bin/sh`: the packages' own checks.
///
/// # Errors
/// As [`deb_scripts`].
pub fn preflight_script(facts: &Facts) -> Result<String, Error> {
    Ok(render::Scripts::new(facts, Channel::Any)?.render("preflight.sh")?)
}

#[cfg(test)]
mod tests;
