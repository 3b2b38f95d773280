//! Versions as dpkg compares them (deb-version(7)).

use std::cmp::Ordering;

/// The epoch and what follows it.
pub fn epoch(version: &str) -> (u64, &str) {
    match version.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch.parse().unwrap_or(0), rest),
        _ => (0, version),
    }
}

/// Compares two versions of Debian's.
pub fn compare(a: &str, b: &str) -> Ordering {
    let ((epoch_a, a), (epoch_b, b)) = (epoch(a), epoch(b));
    let split = |version: &str| {
        let (upstream, revision) = version.rsplit_once('-').unwrap_or((version, "0"));
        (upstream.to_owned(), revision.to_owned())
    };
    let ((upstream_a, revision_a), (upstream_b, revision_b)) = (split(a), split(b));
    epoch_a.cmp(&epoch_b).then_with(|| by_pieces(&upstream_a, &upstream_b)).then_with(|| by_pieces(&revision_a, &revision_b))
}

/// Turns of text, in which `~` sorts before the end and letters before all else, and of numbers.
fn by_pieces(a: &str, b: &str) -> Ordering {
    let weight = |byte: Option<&u8>| match byte {
        None => 0,
        Some(b'~') => -1,
        Some(byte) if byte.is_ascii_digit() => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    };
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let text = |bytes: &[u8]| bytes.first().is_some_and(|byte| !byte.is_ascii_digit());
        while text(a) || text(b) {
            match weight(a.first()).cmp(&weight(b.first())) {
                Ordering::Equal => (a, b) = (&a[1.min(a.len())..], &b[1.min(b.len())..]),
                other => return other,
            }
        }
        match number(&mut a).cmp(&number(&mut b)) {
            Ordering::Equal => {}
            other => return other,
        }
    }
    Ordering::Equal
}

/// Takes the digits at the beginning: how many there are without leading zeros, and which.
pub fn number<'a>(bytes: &mut &'a [u8]) -> (usize, &'a [u8]) {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
    let (digits, rest) = bytes.split_at(end);
    *bytes = rest;
    let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
    (digits.len() - zeros, &digits[zeros..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_dpkg_compares_them() {
        for (a, sign, b) in [
            ("1.0", "lt", "1.1"),
            ("1.9", "lt", "1.10"),
            ("1.0~rc1", "lt", "1.0"),
            ("1.0", "lt", "1.0a"),
            ("1.0a", "lt", "1.0+b"),
            ("9", "lt", "1:1"),
            ("1.0-1", "lt", "1.0-2"),
            ("1.0-1", "gt", "1.0"),
            ("1.007", "eq", "1.7"),
            ("2.36-9+deb12u4", "gt", "2.36"),
            ("1:1.2.13.dfsg", "gt", "1:1.2.3.4"),
        ] {
            let ours = match compare(a, b) {
                Ordering::Less => "lt",
                Ordering::Equal => "eq",
                Ordering::Greater => "gt",
            };
            assert_eq!(ours, sign, "{a} {b}");
            let dpkg = std::process::Command::new("dpkg").args(["--compare-versions", a, sign, b]).status().unwrap();
            assert!(dpkg.success(), "dpkg: {a} {sign} {b}");
        }
    }
}
