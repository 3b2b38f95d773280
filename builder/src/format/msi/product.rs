//! What the product is: properties, Add/Remove Programs, the family it upgrades, when it refuses.

use super::database::{row, Database};
use super::summary::braced;
use super::{product_version, settings, unfit, MsiSpec};
use crate::error::Result;
use uuid::Uuid;

/// The property that finds an older version of the product, which is removed.
pub const OLDER: &str = "OLDER_VERSION";
/// The property that finds a newer version, which is not replaced.
pub const NEWER: &str = "NEWER_VERSION";

/// An identity that depends only on the product's family, what it is for, and a value: the same in every build.
pub fn identity(spec: &MsiSpec, purpose: &str, value: &str) -> Uuid {
    Uuid::new_v5(&spec.upgrade_code, format!("{purpose}\n{}\n{value}", spec.platform.name()).as_bytes())
}

/// Fills Property, Upgrade and LaunchCondition.
pub fn add(spec: &MsiSpec, database: &mut Database) -> Result<()> {
    let version = product_version(spec.version)?;
    properties(spec, &version, database)?;
    upgrades(spec, &version, database)?;
    conditions(spec, database)
}

fn properties(spec: &MsiSpec, version: &str, database: &mut Database) -> Result<()> {
    let mut add = |name: &str, value: &str| database.add("Property", row![name, value]);
    add("ProductCode", &braced(identity(spec, "product", &format!("{}\n{}", spec.name, spec.version))))?;
    add("UpgradeCode", &braced(spec.upgrade_code))?;
    add("ProductName", spec.title)?;
    add("ProductVersion", version)?;
    add("ProductLanguage", "1033")?;
    add("Manufacturer", spec.manufacturer)?;
    // For the machine, never for one user.
    add("ALLUSERS", "1")?;
    add("INSTALLLEVEL", "1")?;
    // An endpoint's restart is its administrator's decision; the service is stopped and started by us.
    add("REBOOT", "ReallySuppress")?;
    add("MSIRESTARTMANAGERCONTROL", "Disable")?;
    // A file whose version goes down would be refused in costing, and the older version's removal would then take it away for good.
    add("REINSTALLMODE", "amus")?;
    add("ARPNOREPAIR", "1")?;
    add("ARPNOMODIFY", "1")?;
    let size: u64 = spec.files.iter().map(|placed| placed.file.len().div_ceil(1024)).sum();
    add("ARPSIZE", &size.to_string())?;
    add("ARPCOMMENTS", spec.description)?;
    if let Some(contact) = spec.contact {
        add("ARPCONTACT", contact)?;
    }
    if let Some(homepage) = spec.homepage {
        add("ARPURLINFOABOUT", homepage)?;
        add("ARPHELPLINK", homepage)?;
    }
    for (name, value) in spec.settings.iter().filter(|(name, _)| spec.forced.contains(name)) {
        add(name, value)?;
    }
    let mut secure = settings::properties(spec);
    secure.extend([OLDER, NEWER].map(str::to_owned));
    secure.sort();
    let hidden = super::actions::hidden(spec);
    if !hidden.is_empty() {
        add("MsiHiddenProperties", &hidden.join(";"))?;
    }
    add("SecureCustomProperties", &secure.join(";"))
}

fn upgrades(spec: &MsiSpec, version: &str, database: &mut Database) -> Result<()> {
    const MIGRATE_FEATURES: i32 = 0x1;
    const ONLY_DETECT: i32 = 0x2;
    const MIN_INCLUSIVE: i32 = 0x100;
    const MAX_INCLUSIVE: i32 = 0x200;
    let family = braced(spec.upgrade_code);
    // Another package of the same version (a site's, or a release candidate) is replaced as well: hence inclusive.
    let older = MIGRATE_FEATURES | MIN_INCLUSIVE | MAX_INCLUSIVE;
    database.add("Upgrade", row![family.as_str(), "0.0.0", version, (), older, (), OLDER])?;
    database.add("Upgrade", row![family, version, (), (), ONLY_DETECT, (), NEWER])
}

fn conditions(spec: &MsiSpec, database: &mut Database) -> Result<()> {
    let mut add = |condition: &str, text: &str| database.add("LaunchCondition", row![condition, text]);
    add(&format!("Installed OR NOT {NEWER}"), "A newer version of [ProductName] is installed. Uninstall it first.")?;
    // Windows 7 and Server 2008 R2 brought Windows Installer 5.0, which locks folders and sets recovery actions.
    add("Installed OR VersionNT >= 601", "[ProductName] needs Windows 7, Windows Server 2008 R2 or newer.")?;
    if spec.platform.is_64_bit() {
        add("Installed OR VersionNT64", "[ProductName] needs 64-bit Windows.")?;
    }
    // Windows Installer compares the upgrade code itself (1624); Wine does not, and applies what it can.
    add(
        &format!("NOT {0} OR {0} ~= UpgradeCode", settings::SITE_FAMILY),
        "The transform (TRANSFORMS) is not for [ProductName]. Leave it out, or take the one that was made for it.",
    )?;
    add("Installed OR ALLUSERS = 1", "[ProductName] is installed for the computer, not for one user. Leave ALLUSERS out.")?;
    add("Installed OR Privileged", "[ProductName] is installed by administrators only.")?;
    add(
        &format!("Installed OR NOT {0} OR {0} ~= INSTALL_ROOT OR {0} ~= {1}", settings::OLD_ROOT, settings::ROOT_WITH_SLASH),
        &format!(
            "[ProductName] is installed in [{}] already. Uninstall it there first, or leave out INSTALL_ROOT.",
            settings::OLD_ROOT
        ),
    )
}

/// Where the default root's folders begin, and their names.
pub fn default_root<'a>(spec: &MsiSpec<'a>) -> Result<(Option<&'static str>, Vec<&'a str>)> {
    let help = r"write an absolute path such as 'C:\Program Files\Intigua'";
    let refuse = || unfit(format!("{:?} cannot be an install root on Windows", spec.default_root), help);
    let path = spec.default_root.trim_end_matches('\\');
    let mut parts = path.split('\\');
    let drive = parts.next().unwrap_or_default();
    let names: Vec<&str> = parts.collect();
    let is_drive = drive.len() == 2 && drive.ends_with(':') && drive.starts_with(|c: char| c.is_ascii_alphabetic());
    if !is_drive || names.is_empty() {
        return Err(refuse());
    }
    for name in &names {
        let part = crate::payload::TreePath::new(name.as_bytes()).map_err(|_| refuse())?;
        super::names::components(&part, drive, spec.code_page).map_err(|_| refuse())?;
    }
    if drive.eq_ignore_ascii_case("C:") && names.len() > 1 && names[0].eq_ignore_ascii_case("Program Files") {
        let folder = if spec.platform.is_64_bit() { "ProgramFiles64Folder" } else { "ProgramFilesFolder" };
        return Ok((Some(folder), names[1..].to_vec()));
    }
    Ok((None, names))
}
