//! What a Windows package ships for linkctl and the native actions to read (docs/windows.md).

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

/// `bin\csclient.default`: lines of csclient.cfg (docs/endpoint.md).
pub fn client_defaults(lines: &BTreeMap<String, String>) -> Vec<u8> {
    let mut text = String::new();
    for (key, value) in lines {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        // Writing to a String never fails.
        let _ = writeln!(text, "{key}: \"{value}\"");
    }
    text.into_bytes()
}

/// `bin\seal.paths`: a pattern a line, relative to the root.
pub fn seal_paths<T: Display>(patterns: &[T]) -> Vec<u8> {
    patterns.iter().map(|pattern| format!("{pattern}\n")).collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_as_csclient_cfg_quotes_them() {
        let lines = BTreeMap::from([("a.path".to_owned(), r#"C:\x "y""#.to_owned())]);
        assert_eq!(
            client_defaults(&lines),
            br#"a.path: "C:\\x \"y\""
"#
        );
    }
}
