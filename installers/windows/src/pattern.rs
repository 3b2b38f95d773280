//! Patterns of bin\seal.paths: relative to the root, `*` and `?` within a name, `\` or `/` between names.

/// The names of a pattern; `None` for one that could lead out of the root, or that means the root itself.
pub fn names(pattern: &str) -> Option<Vec<&str>> {
    let names: Vec<&str> = pattern.split(['/', '\\']).filter(|name| !name.is_empty() && *name != ".").collect();
    let leaves = pattern.contains(':') || names.iter().any(|name| name.trim_end_matches([' ', '.']).is_empty());
    (!names.is_empty() && !leaves).then_some(names)
}

/// Whether a name fits; Windows does not tell small letters from capital ones.
pub fn matches(pattern: &str, name: &str) -> bool {
    let lower = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
    fits(&lower(pattern), &lower(name))
}

fn fits(pattern: &[char], name: &[char]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => fits(rest, name) || name.split_first().map_or(false, |(_, later)| fits(pattern, later)),
        (Some((wanted, rest)), Some((found, later))) => (*wanted == '?' || wanted == found) && fits(rest, later),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_never_leaves_the_root_and_never_is_the_root() {
        for pattern in ["", "/", ".", "../x", r"a\..\b", r"a\.. \b", r"C:\x", "a:stream", "..", "..."] {
            assert_eq!(names(pattern), None, "{pattern:?}");
        }
        assert_eq!(names("Intigua-Libs/*/var"), Some(vec!["Intigua-Libs", "*", "var"]));
        assert_eq!(names(r"\vAgentManager\certs\"), Some(vec!["vAgentManager", "certs"]));
    }

    #[test]
    fn stars_and_question_marks_fit_within_a_name() {
        for (pattern, name, fit) in [
            ("*", "x", true),
            ("*.PEM", "key.pem", true),
            ("k?y.*", "kéy.pem", true),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxxc", false),
            ("?", "", false),
            ("a", "ab", false),
        ] {
            assert_eq!(matches(pattern, name), fit, "{pattern} {name}");
        }
    }
}
