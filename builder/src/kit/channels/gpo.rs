//! Group policies: a startup script for each MSI, for domains that do not assign it. Assigned MSIs need nothing but their transforms.

use super::fill::fill;
use super::msi::applications;
use super::Context;
use crate::error::Result;
use minijinja::context;

pub const NAME: &str = "gpo";

const STARTUP: &str = include_str!("../../../../templates/channels/gpo/startup.cmd");

pub fn write(context: &Context) -> Result<bool> {
    let mut any = false;
    for package in applications(context)? {
        // cmd.exe gives many characters a meaning, in comments too: nothing is written here that is not plain.
        let plain = |name: &&str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        let names: Vec<String> =
            package.properties.iter().map(|one| one.name.as_str()).filter(plain).map(str::to_owned).collect();
        let detection = &package.detection;
        let text = fill(
            STARTUP,
            context! {
                file => &package.file, stem => package.stem(), version => &detection.version, key => &detection.key,
                value => detection.value, view => detection.view, result => &package.result, names,
                transforms => package.transforms().map(str::to_owned).collect::<Vec<_>>(),
            },
        )?;
        context.put_windows(NAME, &format!("{}/startup.cmd", package.stem()), &text)?;
        any = true;
    }
    Ok(any)
}
