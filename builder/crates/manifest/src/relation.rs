//! Relations between packages as dpkg and rpm read them: checked where they are written, and by lint in anybody's package.
//! Syntax: deb-control(5) and Debian Policy 7.1; rpm's "Dependencies" manual.

use super::rich;
use super::values::checked_string;
use schemars::{json_schema, JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserializer, Error as _};
use serde::Deserialize;
use std::borrow::Cow;

checked_string!(
    /// A relation of a DEB: `libc6 (>= 2.28)`, with alternatives after `|`, several after commas.
    DebRelation, check_deb, "^[^\\s\\[\\]<${}][^\\[\\]${}\\n]*$"
);
checked_string!(
    /// A section of Debian's archive (Policy 2.4): `admin`, `non-free/net`.
    DebSection, check_section, "^[a-z0-9-]+(/[a-z0-9-]+)?$"
);
checked_string!(
    /// An RPM's release: what comes after the version, `1` or `3.acme`.
    RpmRelease, check_release, "^[A-Za-z0-9._+~^]+$"
);
checked_string!(
    /// A relation of an RPM: `name`, `name >= 1.0`, or a rich one such as `(name or other)`, which rpm reads since 4.13.
    RpmRelation, check_rpm, "^[A-Za-z0-9/_(][^,;\\n]*$"
);

fn check_deb(text: &str) -> Result<(), String> {
    let strict = |one: &str| -> Result<(), String> {
        deb(one)?;
        match name_of(one) {
            name if name.bytes().any(|b| b.is_ascii_uppercase() || b == b'_') => {
                let like = name.to_lowercase().replace('_', "-");
                Err(format!("\"{name}\" is no package's name in Debian; write \"{}\"", one.trim().replacen(name, &like, 1)))
            }
            _ => Ok(()),
        }
    };
    text.split(',').flat_map(|one| one.split('|').map(move |alternative| (one, alternative))).try_for_each(
        |(one, alternative)| {
            if alternative.trim().is_empty() {
                let parts: Vec<&str> = one.split('|').map(str::trim).filter(|part| !part.is_empty()).collect();
                let instead = if parts.is_empty() { "libc6 (>= 2.28)".to_owned() } else { parts.join(" | ") };
                return Err(format!("\"{}\" names no package between its separators; write \"{instead}\"", text.escape_debug()));
            }
            strict(alternative)
        },
    )
}

/// The name that a relation begins with.
fn name_of(one: &str) -> &str {
    let one = one.trim();
    &one[..one.find(|c: char| c.is_whitespace() || "(<>=:[".contains(c)).unwrap_or(one.len())]
}

/// Checks one relation of a DEB, without its alternatives: a name, perhaps `:ARCHITECTURE`, perhaps `(OPERATOR VERSION)`. dpkg refuses
/// a package in which one is anything else.
///
/// # Errors
/// A sentence of what is wrong, "; write ", and a right form.
pub fn deb(one: &str) -> Result<(), String> {
    let one = one.trim();
    let shown = one.escape_debug();
    if one.contains("${") {
        return Err(format!("\"{shown}\" has a substitution variable, which dpkg-gencontrol would fill in and linkpack does not; write the package's name, such as \"libc6 (>= 2.28)\""));
    }
    if one.starts_with('/') {
        return Err(format!("\"{shown}\" is a file, and a DEB depends on packages; write the name of the package that has it (\"dpkg -S {shown}\" says it)"));
    }
    let name = name_of(one);
    if name.len() < 2
        || !name.starts_with(|c: char| c.is_ascii_alphanumeric())
        || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-_".contains(&b))
    {
        return Err(format!("\"{shown}\" begins with no package's name; write \"name\" or \"name (>= 1.0)\", of a-z 0-9 + . -"));
    }
    let mut rest = &one[name.len()..];
    let mut whole = name.to_owned();
    if let Some(after) = rest.strip_prefix(':') {
        let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(after.len());
        if end == 0 {
            return Err(format!("\"{shown}\" has a colon without an architecture; write \"{name}\" or \"{name}:any\""));
        }
        whole = format!("{name}:{}", &after[..end]);
        rest = &after[end..];
    }
    let rest = rest.trim_start();
    if rest.is_empty() {
        return Ok(());
    }
    if rest.starts_with('[') || rest.starts_with("<!") {
        return Err(format!(
            "\"{shown}\" is for some architectures or build profiles, which source packages have alone; write \"{whole}\""
        ));
    }
    let Some(inside) = rest.strip_prefix('(') else {
        return Err(match rest.starts_with(['<', '>', '=']) {
            true => format!("\"{shown}\" has its version without parentheses; write \"{whole} ({})\"", versioned(rest)),
            false => format!("\"{shown}\" has two names without a comma; write them as two: \"{whole}\", \"{}\"", rest),
        });
    };
    let Some((inside, behind)) = inside.split_once(')') else {
        return Err(format!("\"{shown}\" has no closing parenthesis; write \"{whole} ({})\"", versioned(inside)));
    };
    if !behind.trim().is_empty() {
        let what = if behind.trim().starts_with(['[', '<']) {
            "is for some architectures or build profiles, which source packages have alone"
        } else {
            "goes on behind its version"
        };
        return Err(format!("\"{shown}\" {what}; write \"{whole} ({})\"", inside.trim()));
    }
    let (operator, version) = split_version(inside);
    let fine = |version: &str| {
        version.bytes().all(|b| b.is_ascii_alphanumeric() || b".+~:-".contains(&b))
            && version.starts_with(|c: char| c.is_ascii_digit())
    };
    if !["<<", "<=", "=", ">=", ">>"].contains(&operator) {
        return Err(format!(
            "\"{shown}\" compares by \"{operator}\", and dpkg knows <<, <=, =, >= and >>; write \"{whole} ({})\"",
            versioned(inside)
        ));
    }
    match fine(version) {
        true => Ok(()),
        false => Err(format!(
            "\"{shown}\" has no version that dpkg reads: a digit first, no spaces; write \"{whole} ({operator} 1.0)\""
        )),
    }
}

/// The comparison and the version.
fn split_version(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !"<>=!~".contains(c)).unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

/// A comparison as dpkg writes it. A single `<` or `>` meant `<=` and `>=`.
fn versioned(text: &str) -> String {
    let (operator, version) = split_version(text.trim_end_matches(')'));
    let operator = match operator {
        "<" | "<=" | "=<" => "<=",
        "<<" => "<<",
        ">>" => ">>",
        "=" | "==" => "=",
        "" if !version.is_empty() => "=",
        _ => ">=",
    };
    let version = version.split_whitespace().next().unwrap_or("1.0");
    format!("{operator} {version}")
}

fn check_section(text: &str) -> Result<(), String> {
    let fine = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    match text.split('/').count() <= 2 && text.split('/').all(fine) {
        true => Ok(()),
        false => {
            Err(format!("\"{}\" is no section of Debian's; write \"admin\", \"net\" or \"non-free/net\"", text.escape_debug()))
        }
    }
}

fn check_release(text: &str) -> Result<(), String> {
    let fine = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+~^".contains(&b));
    match fine && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && !text.contains("..") {
        true => Ok(()),
        false => Err(format!(
            "\"{}\" cannot be an RPM's release; write \"1\" or \"3.acme\", of letters, digits and single . _ + ~ ^",
            text.escape_debug()
        )),
    }
}

fn check_rpm(text: &str) -> Result<(), String> {
    rpm(text).map(|_| ())
}

/// Reads one relation of an RPM: its name, its comparison (empty without one) and its version. A rich one is all name.
///
/// # Errors
/// A sentence of what is wrong, "; write ", and a right form.
pub fn rpm(text: &str) -> Result<(&str, &str, &str), String> {
    let bad = |why: &str, instead: &str| format!("\"{}\" is not an RPM dependency: {why}; write {instead}", text.escape_debug());
    const FORM: &str = "\"name\" or \"name >= 1.0\"; the comparison is one of < <= = >= >";
    let words: Vec<&str> = text.split_whitespace().collect();
    if text.trim_start().starts_with('(') {
        const RICH: &str = "\"(a or b)\"; the operators are and, or, if, unless, with, without, else";
        return rich::check(text, &check_rpm).map(|()| (text.trim(), "", "")).map_err(|why| bad(&why, RICH));
    }
    let (name, comparison, version) = match words[..] {
        [name] => (name, "", ""),
        [name, comparison, version] if ["<", "<=", "=", "==", ">=", ">"].contains(&comparison) => (name, comparison, version),
        [name, operator, version] if operator.starts_with(['<', '>', '=', '!', '~']) => {
            let like = if operator.contains('<') { "<=" } else { ">=" };
            return Err(bad("unknown comparison", &format!("\"{name} {like} {version}\"; the comparison is one of < <= = >= >")));
        }
        [name, inside, version] if inside.starts_with('(') => {
            let (operator, version) = (inside.trim_start_matches('('), version.trim_end_matches(')'));
            return Err(bad("its version stands in parentheses, as a DEB's does", &format!("\"{name} {operator} {version}\"")));
        }
        [_, _, _] => return Err(bad("unknown comparison", FORM)),
        _ if text.contains(',') => {
            let each: Vec<String> = text.split(',').map(|one| format!("\"{}\"", one.trim())).collect();
            return Err(bad("a comma ends no relation in an RPM", &each.join(", ")));
        }
        _ => return Err(bad("it is neither one word nor three", FORM)),
    };
    if text.contains("${") || text.contains("%{") {
        return Err(bad("macros and variables are not filled in here", "what they stand for"));
    }
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '_') {
        return Err(bad("a name starts with a letter, a digit or \"/\"", FORM));
    }
    if let Some(at) = name.find(['<', '>', '=']) {
        let (operator, version) = split_version(&name[at..]);
        return Err(bad("its comparison stands without spaces", &format!("\"{} {operator} {version}\"", &name[..at])));
    }
    if !name.bytes().all(|b| b.is_ascii_graphic() && !b"<>=,;\"'\\".contains(&b)) {
        return Err(bad("its name has a character that rpm does not take", FORM));
    }
    if !version.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+~^:-".contains(&b)) {
        return Err(bad("its version has a character that rpm does not take", FORM));
    }
    if version.matches('-').count() > 1 || version.matches(':').count() > 1 {
        return Err(bad("its version has more than an epoch, a version and a release", FORM));
    }
    Ok((name, comparison, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dpkg_reads_is_taken() {
        for good in
            ["libc6", "libc6 (>= 2.28)", "libc6 (>=2.28)", "python3:any", "a1 | b2 (<< 1:2.3-4~)", "a1, b2", "libssl3(= 3)"]
        {
            assert!(DebRelation::new(good).is_ok(), "{good}: {:?}", DebRelation::new(good));
        }
    }

    #[test]
    fn what_dpkg_does_not_read_is_refused_with_a_right_form() {
        for (bad, right) in [
            ("foo [amd64]", "write \"foo\""),
            ("foo (>= 1) [amd64]", "write \"foo (>= 1)\""),
            ("foo <!nocheck>", "write \"foo\""),
            ("${shlibs:Depends}", "write the package's name"),
            ("libc6>=2.28", "write \"libc6 (>= 2.28)\""),
            ("libc6 > 2.28", "write \"libc6 (>= 2.28)\""),
            ("libc6 (> 2.28)", "write \"libc6 (>= 2.28)\""),
            ("libc6 (2.28)", "write \"libc6 (= 2.28)\""),
            ("/bin/sh", "write the name of the package"),
            ("foo bar", "\"foo\", \"bar\""),
            ("foo (2", "write \"foo (= 2)\""),
            ("foo (>= a)", "write \"foo (>= 1.0)\""),
            ("foo (>= 1 2)", "write \"foo (>= 1.0)\""),
            ("a1 || b2", "write \"a1 | b2\""),
            ("a1,, b2", "write "),
            ("Foo", "write \"foo\""),
            ("", "write "),
            ("foo:", "write \"foo\""),
            ("-foo", "write \"name\""),
        ] {
            let error = DebRelation::new(bad).unwrap_err();
            assert!(error.contains(right), "{bad}: {error}");
        }
    }

    #[test]
    fn an_rpm_s_relation_is_one_word_or_three() {
        assert_eq!(rpm("openssl-libs >= 1:3.0-2"), Ok(("openssl-libs", ">=", "1:3.0-2")));
        for (bad, right) in [
            ("glibc>=2.28", "write \"glibc >= 2.28\""),
            ("(a and b or c)", "write \"(a or b)\""),
            ("a b", "write \"name\""),
            ("%{x}", "stand for"),
            ("a => 1", "comparison is one of"),
        ] {
            let error = RpmRelation::new(bad).unwrap_err();
            assert!(error.contains(right), "{bad}: {error}");
        }
    }
}
