//! Holds the tables of a document to the code that they are made from.

/// The environment variable that has the tables written instead of compared.
const BLESS: &str = "LINKPACK_BLESS";

/// Compares each part of `docs/NAME` between `<!-- MARK -->` and `<!-- end -->` with its table; or writes it, on request.
pub fn hold(name: &str, tables: &[(&str, String)]) {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/").split_once("/builder/").expect("below builder/").0.to_owned() + "/docs/";
    let path = docs + name;
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut made = text.clone();
    for (mark, table) in tables {
        let begin = format!("<!-- {mark} -->\n");
        let (before, rest) = made.split_once(&begin).unwrap_or_else(|| panic!("{path} has no {begin}"));
        let (_, after) = rest.split_once("<!-- end -->").expect("an end");
        made = format!("{before}{begin}{table}<!-- end -->{after}");
    }
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, made).unwrap_or_else(|error| panic!("{path}: {error}"));
    } else {
        assert!(text == made, "{path} differs from the code: run {BLESS}=1 scripts/test unit documented");
    }
}
