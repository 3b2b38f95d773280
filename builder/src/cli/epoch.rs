//! SOURCE_DATE_EPOCH.

use crate::error::{Error, Result};
use std::ffi::OsString;

/// SOURCE_DATE_EPOCH.
pub fn epoch(value: Option<OsString>) -> Result<Option<i64>> {
    let Some(value) = value else { return Ok(None) };
    let parsed = value.to_str().and_then(|text| text.parse::<u32>().ok());
    parsed.map(|seconds| Some(i64::from(seconds))).ok_or_else(|| {
        Error::new(format!("SOURCE_DATE_EPOCH is \"{}\", not a number of seconds since 1970", value.display()))
            .help("set it to a number such as the last commit's: SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)")
    })
}

#[cfg(test)]
mod tests {
    use super::epoch;

    #[test]
    fn a_source_date_epoch_that_is_no_number_is_refused() {
        assert_eq!(epoch(Some("1700000000".into())).unwrap(), Some(1_700_000_000));
        for bad in ["", "yesterday", "-1", "99999999999999"] {
            assert!(epoch(Some(bad.into())).is_err(), "{bad}");
        }
    }
}
