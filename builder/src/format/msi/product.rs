//! What the product is: properties, Add/Remove Programs, the family it upgrades, when it refuses.

use super::database::{row, Database};
use super::identity::identity;
use super::summary::braced;
use super::{icon, product_version, settings, MsiSpec};
use crate::error::Result;

/// The property that finds an older version of the product, which is removed.
pub const OLDER: &str = "OLDER_VERSION";
/// The property that finds a newer version, which is not replaced.
pub const NEWER: &str = "NEWER_VERSION";

/// Fills Property, Upgrade and LaunchCondition.
pub fn add(spec: &MsiSpec, database: &mut Database) -> Result<()> {
    let version = product_version(spec.version)?;
    properties(spec, &version, database)?;
    spec.icon.map_or(Ok(()), |_| icon::add(database))?;
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
    let size: u64 = spec.files.iter().map(|placed| placed.len.div_ceil(1024)).sum();
    add("ARPSIZE", &size.to_string())?;
    add("ARPCOMMENTS", spec.description)?;
    if let Some(contact) = spec.contact {
        add("ARPCONTACT", contact)?;
    }
    if let Some(homepage) = spec.homepage {
        add("ARPURLINFOABOUT", homepage)?;
        add("ARPHELPLINK", homepage)?;
    }
    if spec.icon.is_some() {
        add("ARPPRODUCTICON", icon::NAME)?;
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
