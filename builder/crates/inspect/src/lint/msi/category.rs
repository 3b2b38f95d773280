//! The categories of text in _Validation ("Column Data Types" of Windows Installer's documentation).

use super::condition;

/// Why a text is not of a category; categories that allow everything, or that are not known, allow this too.
pub fn offence(category: &str, text: &str) -> Option<String> {
    let bad = |wrong: bool, why: &str| wrong.then(|| why.to_owned());
    match category {
        "Identifier" => bad(!is_identifier(text), "it is no identifier (letters, digits, underscores, dots; no digit first)"),
        "Property" => bad(!is_identifier(text.strip_prefix('%').unwrap_or(text)), "it is no property's name"),
        "UpperCase" => bad(text.chars().any(char::is_lowercase), "it has small letters"),
        "LowerCase" => bad(text.chars().any(char::is_uppercase), "it has capital letters"),
        "Integer" | "DoubleInteger" => bad(text.parse::<i32>().is_err(), "it is no number"),
        "Guid" => bad(!is_guid(text), "it is no GUID in braces"),
        "Version" => bad(!is_version(text), "it is no version of up to four numbers below 65536"),
        "Language" => bad(!is_language_list(text), "it is no list of decimal languages separated by commas"),
        "Condition" => condition::check(text).err(),
        "Filename" => filename(text, ""),
        "WildCardFilename" => filename(text, "*?"),
        "DefaultDir" => default_dir(text),
        "Cabinet" => match text.strip_prefix('#') {
            Some(stream) => bad(stream.is_empty() || stream.len() > 62, "it names no stream"),
            None => filename(text, ""),
        },
        "RegPath" => {
            bad(text.starts_with('\\') || text.ends_with('\\'), "a registry key neither begins nor ends with a backslash")
        }
        "FormattedSDDLText" => bad(!is_sddl(text), "it is no security descriptor (O: G: D: S:)"),
        "CustomSource" => bad(!is_identifier(text), "it is no identifier"),
        _ => None,
    }
}

/// Whether Microsoft documents the value for that column, whatever the package's own _Validation lists: WiX writes lists that are shorter.
pub fn is_documented(table: &str, column: &str, text: &str) -> bool {
    const CATEGORIES: [&str; 29] = [
        "AnyPath",
        "Binary",
        "Cabinet",
        "Condition",
        "CustomSource",
        "DefaultDir",
        "DoubleInteger",
        "Filename",
        "Formatted",
        "FormattedSDDL",
        "FormattedSDDLText",
        "Guid",
        "Identifier",
        "Integer",
        "KeyFormatted",
        "Language",
        "LowerCase",
        "Path",
        "Paths",
        "Property",
        "RegPath",
        "Shortcut",
        "Template",
        "Text",
        "TimeDate",
        "URL",
        "UpperCase",
        "Version",
        "WildCardFilename",
    ];
    const SECURED: [&str; 4] = ["CreateFolder", "File", "Registry", "ServiceInstall"];
    match (table, column) {
        ("_Validation", "Category") => CATEGORIES.iter().any(|known| known.eq_ignore_ascii_case(text)),
        ("LockPermissions", "Table") => SECURED[..3].contains(&text),
        ("MsiLockPermissionsEx", "Table") => SECURED.contains(&text),
        _ => false,
    }
}

/// Whether a text can be a key, a property or an action.
pub fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
}

/// Whether a text is a GUID in braces, whatever the case of its letters.
pub fn is_guid(text: &str) -> bool {
    const DASHES: [usize; 4] = [9, 14, 19, 24];
    text.len() == 38
        && text.bytes().enumerate().all(|(index, byte)| match index {
            0 => byte == b'{',
            37 => byte == b'}',
            index if DASHES.contains(&index) => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_version(text: &str) -> bool {
    let numbers: Vec<&str> = text.split('.').collect();
    numbers.len() <= 4
        && numbers.iter().all(|number| number.bytes().all(|byte| byte.is_ascii_digit()) && number.parse::<u16>().is_ok())
}

fn is_language_list(text: &str) -> bool {
    text.split(',').all(|language| language.trim().parse::<u16>().is_ok())
}

fn is_sddl(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first == '[' || ("OGDS".contains(first) && chars.next() == Some(':')))
}

/// A directory's names: `target:source`, each `short|long`; one dot is the directory above.
fn default_dir(text: &str) -> Option<String> {
    let mut names = text.split(':');
    let (target, source) = (names.next().unwrap_or_default(), names.next());
    if names.next().is_some() {
        return Some("it has more than one colon".to_owned());
    }
    [Some(target), source].into_iter().flatten().filter(|name| *name != ".").find_map(|name| filename(name, ""))
}

/// A file's name, or `short|long`; `wild` are characters that are allowed beside the usual ones.
fn filename(text: &str, wild: &str) -> Option<String> {
    let (short, long) = text.split_once('|').map_or((None, text), |(short, long)| (Some(short), long));
    if short.is_some_and(|short| !is_short(short, wild)) {
        return Some(format!("{} is no short name of eight and three characters", short.unwrap_or_default()));
    }
    let forbidden = |c: &char| (c.is_control() || "<>:\"/\\|?*".contains(*c)) && !wild.contains(*c);
    match long.chars().find(forbidden) {
        Some(character) => Some(format!("a name does not have {character:?}")),
        None if long.is_empty() => Some("a name is empty".to_owned()),
        None => None,
    }
}

fn is_short(name: &str, wild: &str) -> bool {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let fits = |part: &str, most: usize| {
        part.chars().count() <= most && part.chars().all(|c| !" +,;=[]<>:\"/\\|?*.".contains(c) || wild.contains(c))
    };
    !stem.is_empty() && fits(stem, 8) && fits(extension, 3)
}

#[cfg(test)]
mod tests {
    use super::offence;

    #[test]
    fn each_category_knows_its_own() {
        for (category, good, bad) in [
            ("Identifier", "_a.B9", "9a"),
            ("UpperCase", "A_B", "Ab"),
            ("LowerCase", "ab", "aB"),
            ("Guid", "{0123abCD-0000-0000-0000-000000000000}", "{0123ABCD-0000-0000-0000-00000000000}"),
            ("Version", "1.2.3.65535", "1.65536"),
            ("Language", "1033,1031", "en"),
            ("Condition", "NOT A", "NOT"),
            ("Filename", "LONGFI~1.TXT|a long file.txt", "too long a short.txt|x"),
            ("Filename", "plain.txt", "a:b"),
            ("WildCardFilename", "*.lo?", "a/b"),
            ("DefaultDir", ".:SRC|source dir", "a:b:c"),
            ("Cabinet", "#files.cab", "#"),
            ("RegPath", r"SOFTWARE\VMI", r"\SOFTWARE"),
            ("FormattedSDDLText", "D:P(A;;FA;;;SY)", "everyone"),
            ("Integer", "-5", "five"),
        ] {
            assert_eq!(offence(category, good), None, "{category}");
            assert!(offence(category, bad).is_some(), "{category} {bad}");
        }
    }
}
