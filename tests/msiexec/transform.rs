//! A transform (MST) that sets properties of an MSI, as administrators make them with their own tools.

use std::io::{Cursor, Write};
use std::path::Path;
use uuid::Uuid;

/// The root's class: a transform.
const TRANSFORM_CLASS: Uuid = Uuid::from_u128(0x000C1082_0000_0000_C000_000000000046);

/// A transform of this MSI that adds rows to its Property table.
pub fn setting(msi: &Path, properties: &[(&str, &str)]) -> Vec<u8> {
    let mut package = ::msi::Package::open(std::fs::File::open(msi).unwrap()).unwrap();
    let rows = package.select_rows(::msi::Select::table("Property")).unwrap();
    let known: Vec<(String, String)> =
        rows.map(|row| (row[0].as_str().unwrap().to_owned(), row[1].as_str().unwrap_or_default().to_owned())).collect();
    let property = |name: &str| known.iter().find(|(key, _)| key == name).unwrap().1.clone();
    let mut strings = vec!["Property"];
    let mut table = Vec::new();
    for (name, value) in properties {
        strings.extend([*name, *value]);
        // Insert, two columns: the mask, then references into the transform's own strings.
        let last = strings.len() as u16;
        for number in [2 << 8 | 1, last - 1, last] {
            table.extend_from_slice(&number.to_le_bytes());
        }
    }
    let mut pool = vec![0; 4];
    for text in &strings {
        pool.extend_from_slice(&[text.len() as u16, 1].map(u16::to_le_bytes).concat());
    }
    let about = {
        let version = format!("{}{}", property("ProductCode"), property("ProductVersion"));
        format!("{version};{version};{}", property("UpgradeCode"))
    };
    let mut file = cfb::CompoundFile::create_with_version(cfb::Version::V3, Cursor::new(Vec::new())).unwrap();
    file.set_storage_clsid("/", TRANSFORM_CLASS).unwrap();
    let mut add = |name: &str, bytes: &[u8]| file.create_stream(format!("/{name}")).unwrap().write_all(bytes).unwrap();
    add("\u{5}SummaryInformation", &summary(&about));
    add(&encoded("Property"), &table);
    add(&encoded("_StringPool"), &pool);
    add(&encoded("_StringData"), strings.concat().as_bytes());
    file.flush().unwrap();
    file.into_inner().into_inner()
}

/// A table's name as the compound file has it: two characters in one unit.
fn encoded(name: &str) -> String {
    const DIGITS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";
    let digits: Vec<u32> = name.chars().map(|c| DIGITS.find(c).unwrap() as u32).collect();
    let unit = |pair: &[u32]| match pair {
        [low, high] => 0x3800 + low + (high << 6),
        _ => 0x4800 + pair[0],
    };
    std::iter::once(0x4840).chain(digits.chunks(2).map(unit)).map(|unit| char::from_u32(unit).unwrap()).collect()
}

/// The summary (MS-OLEPS): code page, templates before and after, what it transforms, which differences it bears.
fn summary(about: &str) -> Vec<u8> {
    const TEMPLATE: &str = "x64;1033";
    // Same upgrade code; an added row that is there and a missing one are no errors.
    const VALIDATION: u32 = 0x0800_001F;
    let text = |text: &str| {
        let mut bytes = [30_u32.to_le_bytes(), (text.len() as u32 + 1).to_le_bytes()].concat();
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    };
    let number = |kind: u32, number: u32| [kind.to_le_bytes(), number.to_le_bytes()].concat();
    let values = [
        (1_u32, number(2, 1252)),
        (7, text(TEMPLATE)),
        (8, text(TEMPLATE)),
        (9, text(about)),
        (16, number(3, VALIDATION)),
        (19, number(3, 4)),
    ];
    let (mut index, mut body) = (Vec::new(), Vec::new());
    for (id, value) in &values {
        index.extend_from_slice(&id.to_le_bytes());
        index.extend_from_slice(&(8 + 8 * values.len() as u32 + body.len() as u32).to_le_bytes());
        body.extend_from_slice(value);
    }
    let mut bytes = vec![0xFE, 0xFF, 0, 0, 6, 0, 2, 0];
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend_from_slice(&1_u32.to_le_bytes());
    bytes.extend_from_slice(&Uuid::from_u128(0xF29F85E0_4FF9_1068_AB91_08002B27B3D9).to_bytes_le());
    bytes.extend_from_slice(&48_u32.to_le_bytes());
    bytes.extend_from_slice(&(8 + index.len() as u32 + body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&(values.len() as u32).to_le_bytes());
    bytes.extend([index, body].concat());
    bytes
}
