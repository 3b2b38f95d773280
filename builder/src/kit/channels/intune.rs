//! Intune: an .intunewin of each MSI, and the app's description as Microsoft Graph takes it, one for each site's transform, too.

mod package;

use super::msi::{applications, return_codes, Package};
use super::sccm::{beside_the_msi, detect};
use super::{exit_codes, Context};
use crate::error::Result;
use base64ct::{Base64, Encoding};
use serde::Serialize;

pub const NAME: &str = "intune";

/// win32LobApp of Graph v1.0 (learn.microsoft.com/graph/api/resources/intune-apps-win32lobapp).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct App<'a> {
    #[serde(rename = "@odata.type")]
    kind: &'static str,
    display_name: String,
    description: &'a str,
    publisher: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    large_icon: Option<MimeContent>,
    notes: String,
    file_name: String,
    setup_file_path: &'a str,
    install_command_line: String,
    uninstall_command_line: String,
    applicable_architectures: &'static str,
    minimum_supported_windows_release: &'static str,
    #[serde(rename = "minimumFreeDiskSpaceInMB")]
    minimum_free_disk_space_in_mb: u64,
    install_experience: Experience,
    return_codes: Vec<ReturnCode>,
    rules: [Rule<'a>; 1],
    msi_information: MsiInformation<'a>,
}

/// mimeContent: the type, and the bytes in base64.
#[derive(Serialize)]
struct MimeContent {
    #[serde(rename = "@odata.type")]
    kind: &'static str,
    #[serde(rename = "type")]
    of: &'static str,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Experience {
    run_as_account: &'static str,
    device_restart_behavior: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReturnCode {
    return_code: i64,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// win32LobAppRegistryRule.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    #[serde(rename = "@odata.type")]
    kind: &'static str,
    rule_type: &'static str,
    check32_bit_on64_system: bool,
    key_path: String,
    value_name: &'a str,
    operation_type: &'static str,
    operator: &'static str,
    comparison_value: &'a str,
}

/// win32LobAppMsiInformation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MsiInformation<'a> {
    product_code: &'a str,
    product_version: &'a str,
    upgrade_code: &'a str,
    requires_reboot: bool,
    package_type: &'static str,
    product_name: &'a str,
    publisher: &'a str,
}

pub fn write(context: &Context) -> Result<bool> {
    let mut any = false;
    for package in applications(context)? {
        package::write(context, package, &beside_the_msi(package))?;
        context.put_windows(NAME, &format!("{}.Detect.ps1", package.stem()), &detect(package)?)?;
        for transform in std::iter::once(None).chain(package.transforms().map(Some)) {
            let json = serde_json::to_string_pretty(&app(package, transform)).expect("plain JSON") + "\n";
            let site = transform.map(|name| format!(".{}", name.trim_end_matches(super::msi::TRANSFORM))).unwrap_or_default();
            context.put(NAME, &format!("{}{site}.json", package.stem()), &json)?;
        }
        any = true;
    }
    Ok(any)
}

/// PowerShell with a script of the package, which the management extension starts in the unpacked folder.
fn script(command: &str) -> String {
    format!("powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -File {command}")
}

fn app<'a>(package: &'a Package, transform: Option<&str>) -> App<'a> {
    let (name, version) = (&package.name, &package.version);
    // What is left of a transform's name when the product's is taken away is the site.
    let site = transform.map(|file| format!(" ({})", file.trim_end_matches(super::msi::TRANSFORM))).unwrap_or_default();
    let with = transform.map(|file| format!(" -Transform {file}")).unwrap_or_default();
    let settings: Vec<&str> = package.properties.iter().map(|one| one.name.as_str()).collect();
    App {
        kind: "#microsoft.graph.win32LobApp",
        display_name: format!("{name} {version}{site}"),
        // Graph refuses an empty one.
        description: if package.description.is_empty() { name } else { &package.description },
        publisher: &package.publisher,
        large_icon: package.icon.as_ref().map(|png| MimeContent {
            kind: "#microsoft.graph.mimeContent",
            of: "image/png",
            value: Base64::encode_string(png),
        }),
        notes: format!("Settings, as NAME=VALUE at the end of the install command: {}", settings.join(", ")),
        file_name: format!("{}.intunewin", package.stem()),
        setup_file_path: &package.file,
        install_command_line: script("Install.ps1") + &with,
        uninstall_command_line: script("Uninstall.ps1"),
        applicable_architectures: "x64",
        minimum_supported_windows_release: "1607",
        minimum_free_disk_space_in_mb: package.megabytes(),
        install_experience: Experience { run_as_account: "system", device_restart_behavior: "basedOnReturnCode" },
        return_codes: codes(),
        rules: [Rule {
            kind: "#microsoft.graph.win32LobAppRegistryRule",
            rule_type: "detection",
            check32_bit_on64_system: false,
            key_path: package.detection.key.replace("HKLM", "HKEY_LOCAL_MACHINE"),
            value_name: package.detection.value,
            operation_type: "version",
            operator: "greaterThanOrEqual",
            comparison_value: version,
        }],
        msi_information: MsiInformation {
            product_code: &package.product_code,
            product_version: version,
            upgrade_code: &package.upgrade_code,
            requires_reboot: false,
            package_type: "perMachine",
            product_name: name,
            publisher: &package.publisher,
        },
    }
}

/// msiexec's, and those that Install.ps1 ends with.
fn codes() -> Vec<ReturnCode> {
    let kind = |outcome: &str| match outcome {
        "success" => "success",
        "soft-reboot" => "softReboot",
        "hard-reboot" => "hardReboot",
        "retry" => "retry",
        _ => "failed",
    };
    let of_msiexec = return_codes().into_iter().map(|code| (i64::from(code.code), kind(code.outcome)));
    let ours = exit_codes().into_iter().filter(|code| code.outcome == "failed").map(|code| (i64::from(code.code), "failed"));
    of_msiexec.chain(ours).map(|(return_code, kind)| ReturnCode { return_code, kind }).collect()
}
