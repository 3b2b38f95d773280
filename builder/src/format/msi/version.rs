//! Versions as Windows Installer compares them: three numbers.

use super::unfit;
use crate::error::Result;

/// The ProductVersion of a version: its first three numbers, missing ones 0. A suffix such as `~rc1` is not compared.
///
/// # Errors
/// Not a number at first, or a number above 255, 255 and 65535.
pub fn product_version(version: &str) -> Result<String> {
    let help = "use a version of three numbers, at most 255.255.65535, for what is built as an MSI";
    let numbers_end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    let mut numbers = Vec::new();
    for text in version[..numbers_end].trim_end_matches('.').split('.') {
        let number: u64 = text.parse().map_err(|_| {
            unfit(format!("Windows Installer cannot compare the version {version:?}: it does not begin with numbers"), help)
        })?;
        numbers.push(number);
    }
    numbers.resize(numbers.len().max(3), 0);
    for (number, most) in numbers.iter().zip([255, 255, 65_535]) {
        if *number > most {
            return Err(unfit(format!("Windows Installer cannot hold the version {version:?}: {number} is above {most}"), help));
        }
    }
    Ok(format!("{}.{}.{}", numbers[0], numbers[1], numbers[2]))
}

#[cfg(test)]
mod tests {
    use super::product_version;

    #[test]
    fn the_first_three_numbers_count() {
        for (version, expected) in
            [("1.2.3", "1.2.3"), ("1.2.3~rc1", "1.2.3"), ("2", "2.0.0"), ("1.4-beta.2", "1.4.0"), ("10.20.30.40", "10.20.30")]
        {
            assert_eq!(product_version(version).unwrap(), expected);
        }
        for version in ["256.0.0", "1.256", "1.2.65536", "v1", "", "1..2", "2024.1.1"] {
            assert!(product_version(version).is_err(), "{version:?}");
        }
    }
}
