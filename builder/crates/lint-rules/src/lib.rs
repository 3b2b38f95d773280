//! The rules of `linkpack lint`: names, severities, reasons and remedies, said once. docs/lint-rules.md has the same tables.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod linux;
mod transform;
mod windows;

/// How findings of a rule are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// Each is an error.
    Error,
    /// Each is a warning.
    Warning,
    /// An error, and a warning in the cases that the rule names.
    Either,
}

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name, which scripts may rely on.
    pub name: &'static str,
    /// How its findings are judged.
    pub judged: Judged,
    /// Where it has both severities, or exceptions: of which the finding is a warning alone.
    pub warning: &'static str,
    /// What it finds.
    pub finds: &'static str,
    /// What to do about a finding.
    pub remedy: &'static str,
    /// The tags of lintian and rpmlint, or Microsoft's ICEs, whose judgement it shares.
    pub like: &'static str,
}

impl Rule {
    /// Whether a finding of it may be an error, or a warning.
    pub fn takes(&self, error: bool) -> bool {
        match self.judged {
            Judged::Error => error,
            Judged::Warning => !error,
            Judged::Either => true,
        }
    }

    /// The severities as people read them.
    pub fn severity(&self) -> String {
        match self.judged {
            Judged::Error => "error".to_owned(),
            Judged::Warning => "warning".to_owned(),
            Judged::Either => format!("error; warning: {}", self.warning),
        }
    }
}

/// What rules are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// DEB, RPM and self-extracting packages.
    Linux,
    /// MSI packages.
    Windows,
    /// Transforms of MSI packages.
    Transform,
}

impl Subject {
    /// All of them.
    pub const ALL: [Subject; 3] = [Subject::Linux, Subject::Windows, Subject::Transform];

    /// Its rules, in the order of the document.
    pub fn rules(self) -> &'static [Rule] {
        match self {
            Subject::Linux => linux::RULES,
            Subject::Windows => windows::RULES,
            Subject::Transform => transform::RULES,
        }
    }

    /// As a heading names it.
    pub fn name(self) -> &'static str {
        match self {
            Subject::Linux => "DEB, RPM, .run",
            Subject::Windows => "MSI",
            Subject::Transform => "MST",
        }
    }
}

/// All rules with what they are about; a name may stand in several.
pub fn all() -> impl Iterator<Item = (Subject, &'static Rule)> {
    Subject::ALL.into_iter().flat_map(|subject| subject.rules().iter().map(move |rule| (subject, rule)))
}

/// The first rule of that name.
pub fn find(name: &str) -> Option<&'static Rule> {
    all().map(|(_, rule)| rule).find(|rule| rule.name == name)
}

/// Checks the name of a rule.
///
/// # Errors
/// There is none: which name is nearest.
pub fn check(name: &str) -> Result<(), String> {
    if find(name).is_some() {
        return Ok(());
    }
    let near = all().map(|(_, rule)| (strsim::damerau_levenshtein(name, rule.name), rule.name)).min();
    let nearest = near.map_or("", |(_, near)| near);
    Err(format!("lint has no rule \"{}\"; write \"{nearest}\", or another one of docs/lint-rules.md", name.escape_debug()))
}

/// A subject's rules as a table of the document.
pub fn table(subject: Subject) -> String {
    let mut table = "| rule | severity | what it finds | what to do | shared with |\n|---|---|---|---|---|\n".to_owned();
    for rule in subject.rules() {
        let cells = [rule.severity(), rule.finds.to_owned(), rule.remedy.to_owned(), rule.like.to_owned()];
        let cells = cells.map(|cell| cell.replace('|', "\\|").replace('<', "&lt;")).join(" | ");
        table += &format!("| `{}` | {cells} |\n", rule.name);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_rule_is_refused_with_the_nearest() {
        assert!(check("set-uid").is_ok());
        assert!(check("setuid").unwrap_err().contains("write \"set-uid\""));
    }

    #[test]
    fn no_subject_has_a_rule_twice_and_each_says_all_of_it() {
        for subject in Subject::ALL {
            let mut names: Vec<&str> = subject.rules().iter().map(|rule| rule.name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        }
        for (_, rule) in all() {
            assert!(!rule.finds.is_empty() && !rule.remedy.is_empty(), "{}", rule.name);
            assert!(rule.judged != Judged::Either || !rule.warning.is_empty(), "{}", rule.name);
        }
    }
}
