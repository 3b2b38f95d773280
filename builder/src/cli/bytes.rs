//! Sizes as users write them.

/// A number of bytes with a unit: K, M, G, T of 1000, KiB, MiB, GiB, TiB of 1024.
pub fn bytes(text: &str) -> std::result::Result<u64, String> {
    let wrong = || format!("{text} is not a size such as 4.7G, 700M or 25GiB");
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let unit = match unit.to_ascii_uppercase().trim_end_matches('B') {
        "" => 1.0,
        unit => {
            let base: f64 = if unit.ends_with('I') { 1024.0 } else { 1000.0 };
            let power =
                "KMGT".find(unit.trim_end_matches('I')).filter(|_| unit.trim_end_matches('I').len() == 1).ok_or_else(wrong)?;
            base.powi(power as i32 + 1)
        }
    };
    let bytes = number.parse::<f64>().map_err(|_| wrong())? * unit;
    match (0.0..=1e15).contains(&bytes) {
        true => Ok(bytes as u64),
        false => Err(format!("{text} is not between 0 and 1000T")),
    }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn none_is_a_size_and_less_is_not() {
        assert_eq!(bytes("0"), Ok(0));
        assert!(bytes("-1").is_err());
    }
}
