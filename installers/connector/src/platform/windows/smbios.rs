//! The machine's UUID in the tables that the firmware hands out (DMTF DSP0134, "System Management BIOS").

const SYSTEM_INFORMATION: u8 = 1;
const UUID_AT: usize = 8;

/// The UUID of a `RawSMBIOSData` (GetSystemFirmwareTable), as Linux's product_uuid writes it. Placeholders are left in.
pub fn uuid(raw: &[u8]) -> Option<String> {
    let (major, minor) = (*raw.get(1)?, *raw.get(2)?);
    let length = u32::from_le_bytes([*raw.get(4)?, *raw.get(5)?, *raw.get(6)?, *raw.get(7)?]) as usize;
    let mut tables = raw.get(8..)?;
    tables = &tables[..length.min(tables.len())];
    while let [kind, size, ..] = *tables {
        let (size, formatted) = (usize::from(size), tables.get(..usize::from(size))?);
        if kind == SYSTEM_INFORMATION {
            let bytes = formatted.get(UUID_AT..UUID_AT + 16)?;
            return Some(written(bytes, (major, minor) >= (2, 6)));
        }
        // After the formatted part come strings; two zeros end them.
        let strings = tables.get(size..)?;
        let end = strings.windows(2).position(|pair| pair == [0, 0])?;
        if size < 4 {
            return None;
        }
        tables = &strings[end + 2..];
    }
    None
}

/// Since SMBIOS 2.6 the first three fields are little-endian.
fn written(bytes: &[u8], little_endian: bool) -> String {
    let order: [usize; 16] = match little_endian {
        true => [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15],
        false => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    };
    let hex: String = order.iter().map(|at| format!("{:02x}", bytes[*at])).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::uuid;

    fn raw(version: (u8, u8), structures: &[&[u8]]) -> Vec<u8> {
        let tables = structures.concat();
        let mut raw = vec![0, version.0, version.1, 0];
        raw.extend((tables.len() as u32).to_le_bytes());
        raw.extend(tables);
        raw
    }

    const BIOS: &[u8] = b"\x00\x06\x00\x00\x01\x02Vendor\0Version\0\0";
    const SYSTEM: &[u8] =
        b"\x01\x1b\x01\x00\x01\x02\x03\x04\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee\xff\x06\x00\x00Maker\0\0";
    const END: &[u8] = b"\x7f\x04\x02\x00\0\0";

    #[test]
    fn the_uuid_is_read_as_linux_shows_it() {
        let new = uuid(&raw((3, 0), &[BIOS, SYSTEM, END]));
        assert_eq!(new.as_deref(), Some("00112233-4455-6677-8899-aabbccddeeff"));
        let old = uuid(&raw((2, 5), &[SYSTEM, END]));
        assert_eq!(old.as_deref(), Some("33221100-5544-7766-8899-aabbccddeeff"));
    }

    #[test]
    fn broken_tables_have_no_uuid() {
        assert_eq!(uuid(&[]), None);
        assert_eq!(uuid(&raw((3, 0), &[BIOS, END])), None);
        let whole = raw((3, 0), &[BIOS, SYSTEM]);
        for end in 0..BIOS.len() + 8 + 24 {
            assert_eq!(uuid(&whole[..end]), None, "cut off at {end}");
        }
        assert_eq!(uuid(&raw((3, 0), &[b"\x02\x00\0\0", SYSTEM])), None, "a structure without a length");
    }
}
