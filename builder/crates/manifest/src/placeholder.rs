//! `{root}`, `{dir}` and `{work}` in commands, and what looks like them.

/// What a container's command and environment may name.
pub const OF_CONTAINERS: &[&str] = &["root", "dir", "work"];
/// What the connector's arguments may name.
pub const OF_CONNECTOR: &[&str] = &["root"];

/// What people write for them.
const LIKE: &[(&str, &[&str])] = &[
    ("root", &["root", "installroot", "installdir", "prefix", "base", "basedir", "roots", "rootdir"]),
    (
        "dir",
        &[
            "dir",
            "directory",
            "folder",
            "container",
            "containerdir",
            "containerpath",
            "here",
            "dirs",
            "path",
            "home",
            "pkgdir",
            "bindir",
        ],
    ),
    (
        "work",
        &[
            "work",
            "workdir",
            "working",
            "workingdir",
            "workingdirectory",
            "cwd",
            "workfolder",
            "data",
            "datadir",
            "tmp",
            "tmpdir",
            "temp",
        ],
    ),
];

/// What is wrong with a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It is a misspelt placeholder: what, and what to write.
    Misspelt(String, String),
    /// It may be meant for the program.
    Literal(String),
}

/// The first doubt about a text in which `known` are replaced; `shell` where a shell reads it.
pub fn doubt(text: &str, known: &[&str], shell: bool) -> Option<Doubt> {
    let mut rest = text;
    let mut before = None;
    while let Some(at) = rest.find('{') {
        let previous = rest[..at].chars().next_back().or(before);
        let after = &rest[at + 1..];
        let word = &after[..after.find('}').unwrap_or(0)];
        let is_word = !word.is_empty()
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "_- ".contains(c))
            && word.starts_with(|c: char| c.is_ascii_alphabetic() || c == ' ');
        if is_word && previous != Some('{') && !after[word.len() + 1..].starts_with('}') {
            if let Some(doubt) = of_word(word, previous, known, shell) {
                return Some(doubt);
            }
        }
        if let Some(name) = known.iter().find(|name| is_cut(after, name)) {
            return Some(Doubt::Misspelt(format!("\"{{{name}\" has no closing brace"), format!("write {{{name}}}")));
        }
        before = Some('{');
        rest = after;
    }
    None
}

/// Whether a placeholder begins here and has no end.
fn is_cut(text: &str, name: &str) -> bool {
    text.strip_prefix(name).is_some_and(|rest| !rest.contains('}') && !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

fn of_word(word: &str, previous: Option<char>, known: &[&str], shell: bool) -> Option<Doubt> {
    let sign = previous.filter(|c| "$%@".contains(*c)).map(String::from).unwrap_or_default();
    let written = format!("{sign}{{{word}}}");
    if known.contains(&word) {
        let misspelt = || {
            Doubt::Misspelt(format!("\"{written}\" leaves a {sign} before the value of {{{word}}}"), format!("write {{{word}}}"))
        };
        return (!sign.is_empty()).then(misspelt);
    }
    if shell && !sign.is_empty() {
        return None;
    }
    let bare = word.to_lowercase().replace(['-', '_', ' '], "");
    let all: Vec<String> = known.iter().map(|name| format!("{{{name}}}")).collect();
    let all = all.join(", ");
    if !LIKE.iter().any(|(_, others)| others.contains(&bare.as_str())) {
        return Some(Doubt::Literal(format!("\"{written}\" is passed on as it is: placeholders are {all}")));
    }
    let what = format!("\"{written}\" is no placeholder, and would be passed on as it is");
    let near = LIKE
        .iter()
        .find(|(name, others)| known.contains(name) && others.contains(&bare.as_str()) && bare != "home" && bare != "path");
    let help = match near {
        Some((name, _)) => format!("write {{{name}}}; placeholders are {all}"),
        None => format!("write one of {all}: the install root, the container's folder, its working folder"),
    };
    let help = if known.len() == 1 { format!("write {all}, the install root, which is the only placeholder here") } else { help };
    Some(Doubt::Misspelt(what, help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_what_is_none_of_ours_are_told_apart() {
        for fine in ["{dir}/etc", "a {root} b {work}", "{{.Name}}", "{\"a\": 1}", "{}", "{", "}{", "{a.b}"] {
            assert_eq!(doubt(fine, OF_CONTAINERS, false), None, "{fine}");
        }
        for (text, right) in [
            ("{DIR}/x", "{dir}"),
            ("{directory}", "{dir}"),
            ("{home}", "{root}, {dir}, {work}"),
            ("{work-dir}", "{work}"),
            ("${dir}/x", "write {dir}"),
            ("%{root}", "write {root}"),
            ("{ dir }", "{dir}"),
            ("{root", "write {root}"),
            ("{dir/etc", "write {dir}"),
        ] {
            let Some(Doubt::Misspelt(_, help)) = doubt(text, OF_CONTAINERS, false) else {
                panic!("{text}: {:?}", doubt(text, OF_CONTAINERS, false))
            };
            assert!(help.contains(right), "{text}: {help}");
        }
        assert!(matches!(doubt("--format={name}", OF_CONTAINERS, false), Some(Doubt::Literal(_))));
        assert!(matches!(doubt("{dir}", OF_CONNECTOR, false), Some(Doubt::Misspelt(..))));
        assert_eq!(doubt("exec a ${HOME}", OF_CONTAINERS, true), None);
    }
}
