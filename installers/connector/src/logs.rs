//! How large logs may grow: `log.maxSizeKB` of csclient.cfg.

use crate::config::Config;
use crate::log::excerpt;

const KEY: &str = "log.maxSizeKB";
const USUAL_KB: u64 = 10_240;
/// Cutting a log back copies as much while everything else waits, a request to stop too.
const MOST_KB: u64 = 102_400;

/// The limit in bytes, 0 for none; and what is wrong with the setting.
pub fn limit(config: &Config) -> (u64, Option<String>) {
    let text = match config.get(KEY).map(str::trim) {
        None => return (USUAL_KB * 1024, None),
        Some(text) => text,
    };
    match text.parse::<u64>() {
        Ok(kb) if kb <= MOST_KB => (kb * 1024, None),
        Ok(_) => (MOST_KB * 1024, Some(format!("{KEY}: at most {MOST_KB}; that is the limit now"))),
        Err(_) => {
            let why = format!("{KEY}: expected a whole number of KiB, not '{}'; the limit is {USUAL_KB} now", excerpt(text));
            (USUAL_KB * 1024, Some(why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_ten_mib_unless_the_setting_says_otherwise() {
        let of = |text: &str| limit(&Config::parse(text.as_bytes()));
        assert_eq!(of(""), (10 << 20, None));
        assert_eq!(of("log.maxSizeKB: \" 64 \"\n"), (64 << 10, None));
        assert_eq!(of("log.maxSizeKB: \"0\"\n"), (0, None));
        let (most, why) = of("log.maxSizeKB: \"102401\"\n");
        assert_eq!((most, why.is_some()), (100 << 20, true));
        let (usual, why) = of("log.maxSizeKB: \"10M\"\n");
        assert_eq!((usual, why.unwrap().contains("'10M'")), (10 << 20, true));
    }
}
