//! Which properties of an MSI hold secrets.

use super::Msi;
use crate::report::is_secret;
use std::collections::BTreeSet;

/// msidbCustomActionTypeProperty, without options.
const SET_PROPERTY: i32 = 51;
const KIND: i32 = 0x3F;
/// msidbControlAttributesPasswordInput.
const PASSWORD_INPUT: i32 = 0x0020_0000;

/// Properties that hold secrets: by name, by what types them in, or because they are set from such a one.
pub fn secrets(msi: &Msi) -> BTreeSet<&str> {
    let column = |table: &'static str, column: &'static str| msi.database.rows(table).filter_map(move |row| row.text(column));
    let secure = msi.database.property("SecureCustomProperties").unwrap_or_default().split(';');
    let named = column("Property", "Property").chain(column("AppSearch", "Property")).chain(secure);
    let mut secrets: BTreeSet<&str> = named.filter(|name| is_secret(name)).collect();
    // On controls of other types, the same bit has other meanings: FloppyVolume, for one.
    let typed = msi
        .database
        .rows("Control")
        .filter(|row| row.text("Type") == Some("Edit") && row.number("Attributes").unwrap_or(0) & PASSWORD_INPUT != 0);
    secrets.extend(typed.filter_map(|row| row.text("Property")));
    let setters = msi.database.rows("CustomAction").filter(|row| row.number("Type").unwrap_or(0) & KIND == SET_PROPERTY);
    let mut set = BTreeSet::new();
    for row in setters {
        let Some(property) = row.text("Source") else { continue };
        let from = references(row.text("Target").unwrap_or_default()).any(|name| secrets.contains(name) || is_secret(name));
        if from || is_secret(property) {
            set.insert(property);
        }
    }
    secrets.append(&mut set);
    secrets
}

/// The properties that a formatted text refers to.
pub fn references(text: &str) -> impl Iterator<Item = &str> {
    text.split('[').skip(1).filter_map(|rest| rest.split(']').next())
}
