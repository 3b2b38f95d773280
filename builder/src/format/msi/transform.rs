//! Transforms (MST): what one site changes in a package that stays as it is, signature and all.
//!
//! Every package gives each setting its default by an action of a name that never changes, `Default.NAME`, whose Target is the value. A
//! transform changes these targets and nothing else: then what the command line gives and what an earlier installation kept still come
//! first, also where Windows Installer applies the transform again at a repair, and the transform fits every version of the product.

use super::code_page::CodePage;
use super::container::{Container, StreamName, TRANSFORM_CLASS};
use super::settings::{default_action, escaped, root_value, SITE_FAMILY, SITE_LINES};
use super::strings::Strings;
use super::summary::{property_set, Value, INSTALLER};
use crate::error::{Error, Result};
use crate::format::patch;
use std::io::{Read, Seek, Write};

/// One site's transform.
pub struct TransformSpec<'a> {
    /// The package that it is made for.
    pub base: Base<'a>,
    /// The settings whose defaults change, with their values.
    pub defaults: &'a [(&'a str, &'a str)],
    /// The default install root, where it changes.
    pub root: Option<&'a str>,
    /// The settings that every installation, repair and upgrade sets again, with their values: rows of Property.
    pub forced: &'a [(&'a str, &'a str)],
    /// Lines of csclient.cfg that replace those which the package ships.
    pub lines: &'a [(&'a str, &'a str)],
    /// The time in the summary, in seconds since 1970; none where that would differ from build to build.
    pub time: Option<i64>,
}

/// What a transform says of the package that it was made for.
pub struct Base<'a> {
    /// What its texts, and the transform's, are in.
    pub code_page: CodePage,
    /// ProductName.
    pub title: &'a str,
    /// Manufacturer.
    pub manufacturer: &'a str,
    /// ProductCode, in braces.
    pub product_code: &'a str,
    /// ProductVersion.
    pub version: &'a str,
    /// UpgradeCode, in braces: the one thing that Windows Installer compares.
    pub upgrade_code: &'a str,
    /// Platform and language, as in its summary.
    pub template: &'a str,
    /// The settings that have rows of Property.
    pub forces: &'a dyn Fn(&str) -> bool,
}

/// The file's name: no version, since it fits all of them.
pub fn file_name(name: &str) -> String {
    format!("{name}.mst")
}

/// What Windows Installer compares before it applies the transform (MSITRANSFORM_VALIDATE_UPGRADECODE), in the upper half; in the lower,
/// which differences it bears: rows and tables that are there or missing already.
const VALIDATION: u32 = 0x0800_001F;
/// An inserted row: this, and the number of columns in the upper byte.
const INSERT: u16 = 1;

/// The rows of one table, each led by a mask that says what is done (an MSI has columns one after another, a transform rows).
struct Rows<'a> {
    strings: &'a mut Strings,
    cells: Vec<u16>,
}

impl Rows<'_> {
    fn text(&mut self, text: &str) -> Result<u16> {
        let number = self.strings.number(text)?;
        u16::try_from(number).map_err(|_| Error::new("a transform of so many texts is not made here"))
    }

    /// A row of two texts, the first of which is the key.
    fn insert(&mut self, key: &str, value: &str) -> Result<()> {
        let row = [2 << 8 | INSERT, self.text(key)?, self.text(value)?];
        self.cells.extend(row);
        Ok(())
    }

    /// The column at that index of the row with that key.
    fn update(&mut self, key: &str, column: u16, value: &str) -> Result<()> {
        let row = [1 << column, self.text(key)?, self.text(value)?];
        self.cells.extend(row);
        Ok(())
    }

    fn bytes(self) -> Vec<u8> {
        self.cells.iter().flat_map(|cell| cell.to_le_bytes()).collect()
    }
}

/// Writes a transform at the writer's start.
///
/// # Errors
/// A value that the code page does not have, or whatever the writer says.
pub fn write<W: Read + Write + Seek>(spec: &TransformSpec, out: &mut W) -> Result<()> {
    let mut strings = Strings::new(spec.base.code_page);
    let actions = actions(spec, &mut strings)?;
    let properties = properties(spec, &mut strings)?;
    let (pool, data) = strings.into_streams();
    let mut container = Container::create(out, TRANSFORM_CLASS)?;
    let tables = [("CustomAction", actions), ("Property", properties), ("_StringPool", pool), ("_StringData", data)];
    // The string pool is always there, a table only where it changes.
    for (name, bytes) in tables.into_iter().filter(|(name, bytes)| name.starts_with('_') || !bytes.is_empty()) {
        container.stream(&StreamName::Table(name), |out| out.write_all(&bytes).map_err(patch::write_failed))?;
    }
    let summary = summary(spec)?;
    container.stream(&StreamName::Summary, |out| out.write_all(&summary).map_err(patch::write_failed))?;
    container.finish()
}

fn actions(spec: &TransformSpec, strings: &mut Strings) -> Result<Vec<u8>> {
    const TARGET: u16 = 3;
    let mut rows = Rows { strings, cells: Vec::new() };
    if let Some(root) = spec.root {
        rows.update(&default_action("INSTALL_ROOT"), TARGET, &root_value(root))?;
    }
    for (name, value) in spec.defaults {
        rows.update(&default_action(name), TARGET, &escaped(value))?;
    }
    Ok(rows.bytes())
}

fn properties(spec: &TransformSpec, strings: &mut Strings) -> Result<Vec<u8>> {
    const VALUE: u16 = 1;
    let mut rows = Rows { strings, cells: Vec::new() };
    for (name, value) in spec.forced {
        match (spec.base.forces)(name) {
            true => rows.update(name, VALUE, value)?,
            false => rows.insert(name, value)?,
        }
    }
    if !spec.lines.is_empty() {
        rows.insert(SITE_LINES, &lines(spec.lines))?;
    }
    rows.insert(SITE_FAMILY, spec.base.upgrade_code)?;
    Ok(rows.bytes())
}

/// `key=value;key=value`, with whatever else than letters, digits and `._-:/,` as `%` and two hexadecimal digits a byte: the value travels
/// through Formatted texts and CustomActionData. `merge.rs` of the native actions reads it.
fn lines(lines: &[(&str, &str)]) -> String {
    let bare = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-:/,".contains(byte);
    let encoded = |text: &str| -> String {
        let one = |byte: u8| if bare(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        text.bytes().map(one).collect()
    };
    lines.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect::<Vec<_>>().join(";")
}

fn summary(spec: &TransformSpec) -> Result<Vec<u8>> {
    let base = &spec.base;
    let product = format!("{}{}", base.product_code, base.version);
    let page = base.code_page.of_summary();
    let mut properties = vec![
        (1, Value::Short(page.number())),
        (2, Value::text(page, "Installation Database")?),
        (3, Value::text(page, base.title)?),
        (4, Value::text(page, base.manufacturer)?),
        (5, Value::text(page, "Installer")?),
        // Before and after: a site changes neither platform nor language, neither product nor version.
        (7, Value::text(page, base.template)?),
        (8, Value::text(page, base.template)?),
        (9, Value::text(page, &format!("{product};{product};{}", base.upgrade_code))?),
    ];
    properties.extend(spec.time.map(|time| (12, Value::time(time))));
    properties.extend([
        (14, Value::Long(INSTALLER)),
        (16, Value::Long(VALIDATION)),
        (18, Value::text(page, "linkpack")?),
        // Read-only enforced.
        (19, Value::Long(4)),
    ]);
    Ok(property_set(&properties))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    const BASE: Base = Base {
        code_page: CodePage::WESTERN,
        title: "Acme",
        manufacturer: "Acme",
        product_code: "{11111111-2222-3333-4444-555555555555}",
        version: "1.0.0",
        upgrade_code: "{66666666-7777-8888-9999-AAAAAAAAAAAA}",
        template: "x64;1033",
        forces: &|name| name == "CONTAINERS",
    };

    fn spec<'a>(defaults: &'a [(&'a str, &'a str)], forced: &'a [(&'a str, &'a str)]) -> TransformSpec<'a> {
        TransformSpec { base: BASE, defaults, root: None, forced, lines: &[], time: None }
    }

    fn stream(bytes: &[u8], name: &str) -> Option<Vec<u8>> {
        let mut file = cfb::CompoundFile::open(Cursor::new(bytes.to_vec())).unwrap();
        let wanted = format!("/{}", super::super::container::encoded(&StreamName::Table(name)).unwrap());
        let mut stream = file.open_stream(wanted).ok()?;
        let mut read = Vec::new();
        stream.read_to_end(&mut read).unwrap();
        Some(read)
    }

    fn made(spec: &TransformSpec) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        write(spec, &mut out).unwrap();
        out.into_inner()
    }

    /// The layouts are those of transforms that Microsoft's MsiDatabaseGenerateTransform made: an update of a fourth column is
    /// `mask 0x0008, key, value`, an inserted row of two columns `mask 0x0201, key, value`, an update of the second one `mask 0x0002`.
    #[test]
    fn rows_are_led_by_a_mask_and_lie_one_after_another() {
        let bytes = made(&spec(&[("SERVER_URL", "https://a"), ("CORE_ID", "x")], &[("TOKEN_FILE", "t"), ("CONTAINERS", "*")]));
        assert_eq!(stream(&bytes, "CustomAction").unwrap(), [8, 0, 1, 0, 2, 0, 8, 0, 3, 0, 4, 0]);
        assert_eq!(stream(&bytes, "Property").unwrap(), [1, 2, 5, 0, 6, 0, 2, 0, 7, 0, 8, 0, 1, 2, 9, 0, 10, 0]);
        let texts = stream(&bytes, "_StringData").unwrap();
        assert!(texts.starts_with(b"Default.SERVER_URLhttps://aDefault.CORE_IDxTOKEN_FILEtCONTAINERS*SiteFamily{6666"));
        assert_eq!(stream(&bytes, "_StringPool").unwrap()[..8], [0xE4, 4, 0, 0, 18, 0, 1, 0]);
        assert_eq!(bytes[24..28], [0x3E, 0, 3, 0], "a compound file of version 3");
        assert!(bytes.len() <= 8 << 10, "{}", bytes.len());
    }

    #[test]
    fn only_tables_that_change_are_there() {
        let bytes = made(&spec(&[("SERVER_URL", "https://a")], &[]));
        assert!(stream(&bytes, "CustomAction").is_some() && stream(&bytes, "_Tables").is_none());
        let bytes = made(&spec(&[], &[]));
        assert!(stream(&bytes, "CustomAction").is_none() && stream(&bytes, "_StringPool").is_some());
    }

    #[test]
    fn values_survive_formatting_and_the_root_ends_in_a_backslash() {
        let bytes = made(&TransformSpec { root: Some(r"D:\Agents"), ..spec(&[("SERVER_URL", "https://[::1]")], &[]) });
        let expected = br"Default.INSTALL_ROOTD:\Agents\Default.SERVER_URLhttps://[\[]::1[\]]";
        assert!(stream(&bytes, "_StringData").unwrap().starts_with(expected));
        assert_eq!(lines(&[("a.b", "50"), ("c", "x;y=z|[é]")]), "a.b=50;c=x%3By%3Dz%7C%5B%C3%A9%5D");
        let error = write(&spec(&[("SERVER_URL", "Привет")], &[]), &mut Cursor::new(Vec::new())).unwrap_err();
        assert!(error.what().contains("1252"), "{error}");
    }
}
