//! Licence expressions as SPDX writes them, from what manifests, RPMs and Debian's copyright files say.
//! Syntax: SPDX 2.3, annex D; identifiers: the SPDX licence list that the `spdx` crate carries.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// An expression of SPDX identifiers, and what its `LicenseRef-` identifiers stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// The expression.
    pub expression: String,
    /// Licences outside of SPDX's list: identifier and name.
    pub others: BTreeMap<String, String>,
    /// The name, where the whole is one licence outside of the list.
    pub name: Option<String>,
}

impl Licence {
    /// Reads what a package says. What is neither an SPDX expression nor one in the words of Debian or Fedora is a name.
    pub fn read(text: &str) -> Licence {
        let text = text.trim();
        if spdx::Expression::parse_mode(text, MODE).is_ok() {
            let others = words(text).filter(|word| word.starts_with(REF)).map(|word| (word.to_owned(), word.to_owned()));
            return Licence { expression: text.to_owned(), others: others.collect(), name: None };
        }
        translated(text).unwrap_or_else(|| {
            let id = reference(text);
            Licence { expression: id.clone(), others: [(id, text.to_owned())].into(), name: Some(text.to_owned()) }
        })
    }
}

const REF: &str = "LicenseRef-";

/// As the specification has it; `GPL-2.0` and the like are deprecated, but in the list.
const MODE: spdx::ParseMode = spdx::ParseMode { allow_deprecated: true, ..spdx::ParseMode::STRICT };

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "(),".contains(c)).filter(|word| !word.is_empty())
}

/// An expression with each name looked up; `None` where names and operators do not take turns.
fn translated(text: &str) -> Option<Licence> {
    let mut others = BTreeMap::new();
    let mut expression = String::new();
    let spaced = text.replace('(', " ( ").replace(')', " ) ").replace(", ", " , ");
    for word in spaced.split_whitespace() {
        let piece = match word.to_ascii_lowercase().as_str() {
            operator @ ("and" | "or" | "with") => operator.to_ascii_uppercase(),
            // Debian's comma binds less than "and": not translated.
            "," => return None,
            "(" | ")" => word.to_owned(),
            _ => known(word).unwrap_or_else(|| {
                let id = reference(word);
                others.insert(id.clone(), word.to_owned());
                id
            }),
        };
        if !expression.is_empty() && !expression.ends_with('(') && piece != ")" {
            expression.push(' ');
        }
        expression += &piece;
    }
    // The crate judges: two names without an operator, an unknown exception.
    spdx::Expression::parse_mode(&expression, MODE).ok()?;
    let name = others.get(&expression).cloned();
    Some(Licence { expression, others, name })
}

/// The identifier of a licence by the short names of SPDX (whatever the case), Debian and Fedora.
fn known(name: &str) -> Option<String> {
    let listed = |name: &str| {
        let found = spdx::identifiers::LICENSES.iter().find(|license| license.name.eq_ignore_ascii_case(name));
        found.map(|license| license.name.to_owned())
    };
    let alias = match name.to_ascii_lowercase().as_str() {
        "expat" => Some("MIT"),
        "artistic" => Some("Artistic-1.0-Perl"),
        "mplv2.0" => Some("MPL-2.0"),
        "asl2.0" => Some("Apache-2.0"),
        _ => None,
    };
    alias.map(str::to_owned).or_else(|| gnu(name).and_then(|name| listed(&name))).or_else(|| listed(name))
}

/// `GPL-2+`, `GPLv2+`, `LGPL-2.1`, `GPL-2.0+`, `GFDL-1.3+`: GNU's licences of a version, or of it and later ones.
fn gnu(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let family = ["AGPL", "LGPL", "GPL", "GFDL"].into_iter().find(|family| upper.starts_with(family))?;
    let rest = upper[family.len()..].trim_start_matches('-').trim_start_matches('V');
    let (version, later) = match rest.strip_suffix('+').or_else(|| rest.strip_suffix("-OR-LATER")) {
        Some(version) => (version, "or-later"),
        None => (rest.strip_suffix("-ONLY").unwrap_or(rest), "only"),
    };
    let plain = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let version = if version.contains('.') { version.to_owned() } else { format!("{version}.0") };
    plain.then(|| format!("{family}-{version}-{later}"))
}

/// An identifier for a licence outside of the list; two names never share one.
fn reference(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    if !name.is_empty() && name.len() <= 64 && name.chars().all(plain) {
        return format!("{REF}{name}");
    }
    let slug: String = name.chars().map(|c| if plain(c) { c } else { '-' }).take(40).collect();
    format!("{REF}{}-{}", slug.trim_matches('-'), &hex::encode(Sha256::digest(name))[..8]).replace("--", "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_debian_and_fedora_become_those_of_spdx() {
        for (said, expression) in [
            ("MIT", "MIT"),
            ("GPL-2.0-or-later WITH Classpath-exception-2.0", "GPL-2.0-or-later WITH Classpath-exception-2.0"),
            ("GPL-2+ and (Expat or BSD-3-clause)", "GPL-2.0-or-later AND (MIT OR BSD-3-Clause)"),
            ("GPLv2+ and LGPL-2.1", "GPL-2.0-or-later AND LGPL-2.1-only"),
            ("public-domain or Apache-2.0", "LicenseRef-public-domain OR Apache-2.0"),
            ("LicenseRef-Own AND MIT", "LicenseRef-Own AND MIT"),
        ] {
            assert_eq!(Licence::read(said).expression, expression, "{said}");
        }
    }

    #[test]
    fn what_is_no_expression_is_a_name() {
        for name in ["Proprietary", "Acme's terms, of 2024", "(unbalanced", "and", "GPL-2+, with exception", "", "é"] {
            let licence = Licence::read(name);
            assert_eq!(licence.name.as_deref(), Some(name));
            assert_eq!(licence.others.values().collect::<Vec<_>>(), [name]);
            assert!(spdx::Expression::parse(&licence.expression).is_ok(), "{}", licence.expression);
        }
        assert_ne!(Licence::read("a b").expression, Licence::read("a  b").expression);
    }
}
