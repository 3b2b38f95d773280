//! What dpkg refuses of a package whose archives can be read: rules of its parser of control files (deb-control(5), deb-version(7)) and of
//! its own reader of ar and tar.

use payload::deb::Member;
use std::collections::HashSet;

/// Fields that name other packages, and whether they take alternatives.
const RELATIONS: [(&str, bool); 9] = [
    ("pre-depends", true),
    ("depends", true),
    ("recommends", true),
    ("suggests", true),
    ("enhances", true),
    ("provides", false),
    ("conflicts", false),
    ("breaks", false),
    ("replaces", false),
];
/// Faults of one control file that are told.
const MOST: usize = 20;

/// Why dpkg gives up on the archive's members, if so: it wants control.tar and data.tar in this order, and skips names with `_`.
pub fn order(members: &[Member]) -> Option<String> {
    let mut left = ["control.tar", "data.tar"].iter();
    let mut wanted = left.next()?;
    for member in members.iter().skip(1).filter(|member| !member.name.starts_with('_')) {
        if !member.name.starts_with(wanted) {
            return Some(format!("\"{}\" stands before {wanted}: dpkg gives up there", member.name));
        }
        match left.next() {
            Some(next) => wanted = next,
            None => break,
        }
    }
    None
}

/// Why dpkg refuses a control file.
pub fn faults(control: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !control.is_empty() && !control.ends_with('\n') {
        faults.push("its last line has no line break: dpkg takes it for cut".to_owned());
    }
    let mut paragraphs = control.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
    let fields = fields(paragraphs.next().unwrap_or_default(), &mut faults);
    if paragraphs.next().is_some() {
        faults.push("it has more than one paragraph: dpkg takes one package".to_owned());
    }
    let mut met = HashSet::new();
    for (name, _) in &fields {
        if faults.len() < MOST && !met.insert(name) {
            faults.push(format!("it has the field {name} twice"));
        }
    }
    for (name, value) in &fields {
        if faults.len() >= MOST {
            break;
        }
        let value = value.trim();
        match name.as_str() {
            "package" => faults.extend(package(value).map(|why| format!("the package's name \"{value}\" {why}"))),
            "version" if !value.is_empty() => {
                faults.extend(version(value).map(|why| format!("the version \"{value}\" {why}")));
            }
            "essential" | "protected" if !["yes", "no"].iter().any(|word| value.eq_ignore_ascii_case(word)) => {
                faults.push(format!("{name} is \"{value}\", and dpkg takes yes and no"));
            }
            "multi-arch" => faults.extend(multi_arch(value, &fields)),
            "status" | "config-version" | "triggers-pending" | "triggers-awaited" => {
                faults.push(format!("it has the field {name}, which dpkg alone writes"));
            }
            _ => {
                if let Some((_, alternatives)) = RELATIONS.iter().find(|(known, _)| known == name) {
                    faults.extend(relation(value, *alternatives).map(|why| format!("{name}: {why}")));
                }
            }
        }
    }
    faults.truncate(MOST);
    faults
}

fn multi_arch(value: &str, fields: &[(String, String)]) -> Option<String> {
    let everywhere = fields.iter().any(|(name, value)| name == "architecture" && value.trim() == "all");
    match value.to_ascii_lowercase().as_str() {
        "same" if everywhere => {
            Some("multi-arch is \"same\", and the architecture is all: dpkg takes one or the other".to_owned())
        }
        "no" | "same" | "foreign" | "allowed" => None,
        _ => Some(format!("multi-arch is \"{value}\", which dpkg does not know")),
    }
}

/// Why dpkg refuses a list of conffiles; `is_folder` tells what the package has at a path.
pub fn conffiles(text: &str, is_folder: impl Fn(&str) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    if !text.is_empty() && !text.ends_with('\n') {
        faults.push("its last line has no line break: dpkg takes it for cut".to_owned());
    }
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        if faults.len() >= MOST {
            break;
        }
        let path = line.strip_prefix("remove-on-upgrade").map_or(line, str::trim_start);
        if !path.starts_with('/') {
            faults.push(format!("its line \"{}\" is no absolute path", shortened(line)));
        } else if is_folder(path) {
            faults.push(format!("it lists {}, which is a folder", shortened(path)));
        }
    }
    faults.truncate(MOST);
    faults
}

/// Why dpkg refuses a list of triggers (deb-triggers(5)).
pub fn triggers(text: &str) -> Option<String> {
    const WORDS: [&str; 6] = ["interest", "interest-await", "interest-noawait", "activate", "activate-await", "activate-noawait"];
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let wrong = |line: &&str| !matches!(line.split_whitespace().collect::<Vec<_>>()[..], [word, _] if WORDS.contains(&word));
    let line = lines.filter(|line| !line.is_empty()).find(wrong)?;
    Some(format!("its line \"{}\" is no directive and a trigger's name", shortened(line)))
}

fn shortened(line: &str) -> String {
    line.chars().take(100).collect()
}

/// Names in small letters and values, lines that go on included.
fn fields(paragraph: &str, faults: &mut Vec<String>) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in paragraph.lines() {
        if faults.len() >= MOST {
            break;
        }
        if line.starts_with([' ', '\t']) {
            match fields.last_mut() {
                Some(_) if line.trim().is_empty() => faults.push("a blank line lies in a field's value".to_owned()),
                Some((_, value)) => value.extend(["\n", line]),
                None => faults.push("it begins with a line that goes on".to_owned()),
            }
        } else if let Some((name, value)) = line.split_once(':').filter(|(name, _)| is_field(name)) {
            fields.push((name.trim_end().to_ascii_lowercase(), value.to_owned()));
        } else if !line.is_empty() {
            let line: String = line.chars().take(60).collect();
            faults.push(format!("its line \"{line}\" is no field and a colon"));
        }
    }
    fields
}

fn is_field(name: &str) -> bool {
    let name = name.trim_end();
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn package(name: &str) -> Option<String> {
    let stranger = name.chars().find(|c| !c.is_ascii_alphanumeric() && !"-+._".contains(*c));
    match (name.chars().next(), stranger) {
        (None, _) => Some("is empty".to_owned()),
        (Some(first), _) if !first.is_ascii_alphanumeric() => Some("does not begin with a letter or a digit".to_owned()),
        (_, Some(stranger)) => Some(format!("has {stranger:?}, which no package's name has")),
        _ => None,
    }
}

fn version(text: &str) -> Option<String> {
    if text.contains(char::is_whitespace) {
        return Some("has blanks in it".to_owned());
    }
    let rest = match text.split_once(':') {
        Some((epoch, rest)) => {
            if epoch.is_empty() || epoch.parse::<u32>().map_or(true, |epoch| epoch > i32::MAX as u32) {
                return Some("has an epoch that is no number".to_owned());
            }
            rest
        }
        None => text,
    };
    let (upstream, revision) = rest.rsplit_once('-').map_or((rest, None), |(upstream, revision)| (upstream, Some(revision)));
    let stranger = |part: &str, more: &str| part.chars().find(|c| !c.is_ascii_alphanumeric() && !more.contains(*c));
    match (upstream.chars().next(), revision) {
        (None, _) => Some("has nothing where its number stands".to_owned()),
        (Some(first), _) if !first.is_ascii_digit() => Some("does not begin with a digit".to_owned()),
        (_, Some("")) => Some("has nothing behind its last hyphen".to_owned()),
        _ => {
            let stranger = stranger(upstream, ".-+~:").or_else(|| stranger(revision.unwrap_or_default(), ".+~"));
            stranger.map(|c| format!("has {c:?}, which no version has"))
        }
    }
}

/// Commas between groups, `|` between alternatives, each `NAME[:ARCHITECTURE] [(OPERATOR VERSION)]`.
fn relation(text: &str, alternatives: bool) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    for group in text.split(',') {
        if group.contains('|') && !alternatives {
            return Some(format!("\"{}\": this field takes no alternatives", group.trim()));
        }
        if let Some(why) = group.split('|').find_map(single) {
            return Some(why);
        }
    }
    None
}

/// Why dpkg cannot parse one relation, its alternatives apart.
pub fn single(one: &str) -> Option<String> {
    let shown: String = one.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(80).collect();
    let one = one.trim();
    let wrong = |why: &str| Some(format!("\"{shown}\": {why}"));
    let end = one.find(|c: char| c.is_whitespace() || c == '(' || c == ':').unwrap_or(one.len());
    let (name, rest) = one.split_at(end);
    if name.is_empty() {
        return wrong("the name of a package is missing");
    }
    if let Some(why) = package(name) {
        return wrong(&format!("the name {why}"));
    }
    let rest = match rest.strip_prefix(':') {
        Some(rest) => {
            let end = rest.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(rest.len());
            let (architecture, rest) = rest.split_at(end);
            let fine = architecture.starts_with(|c: char| c.is_ascii_alphanumeric())
                && architecture.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            if !fine {
                return wrong("there is no such architecture");
            }
            rest
        }
        None => rest,
    };
    let rest = rest.trim();
    if rest.is_empty() {
        return None;
    }
    let Some((inside, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) else {
        return wrong("a name is followed by a version in parentheses or by nothing");
    };
    if !after.trim().is_empty() {
        return wrong("a version is followed by nothing");
    }
    let inside = inside.trim();
    let operator: String = inside.chars().take_while(|c| "<>=".contains(*c)).collect();
    if !matches!(operator.as_str(), "<<" | "<=" | "=" | ">=" | ">>" | "<" | ">" | "") {
        return wrong("the sign before the version is none of << <= = >= >>");
    }
    version(inside[operator.len()..].trim()).and_then(|why| wrong(&format!("the version {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: &str = "Package: vend\nVersion: 1:1.0-1~b+2\nArchitecture: amd64\nMaintainer: V <v@example.com>\n\
        Depends: libc6 (>= 2.34), a:any | b (<<1.0~), c(=1)\nProvides: d (= 1), e\nDescription: x\n y\n .\n z\n";

    #[test]
    fn what_dpkg_takes_has_no_fault() {
        assert_eq!(faults(FINE), Vec::<String>::new());
        assert_eq!(faults(&format!("{FINE}\n\n")), Vec::<String>::new());
    }

    #[test]
    fn what_dpkg_refuses_is_named() {
        let with = |line: &str| format!("{FINE}{line}\n");
        for (control, says) in [
            (FINE.trim_end().to_owned(), "no line break"),
            (with("Section: a\nSECTION: b"), "section twice"),
            (with("\nPackage: other"), "more than one paragraph"),
            (with("Suggests: foo [amd64]"), "followed by a version"),
            (with("Suggests: foo,"), "is missing"),
            (with("Suggests: foo (~> 1)"), "version"),
            (with("Suggests: foo (=> 1)"), "sign before"),
            (with("Suggests: Foo_bar baz"), "followed by a version"),
            (with("Suggests: foo!"), "no package's name"),
            (with("Suggests: foo (>= 1.0_2)"), "no version has"),
            (with("Conflicts: a | b"), "no alternatives"),
            (with("Breaks"), "no field"),
            (with("# a comment"), "no field"),
            (with("Essential: maybe"), "yes and no"),
            (with("Multi-Arch: never"), "does not know"),
            (with("Multi-Arch: same").replace("amd64", "all"), "one or the other"),
            (with("Status: install ok installed"), "alone writes"),
            (FINE.replace("1:1.0-1~b+2", "1.0_2"), "no version has"),
            (FINE.replace("1:1.0-1~b+2", "v1"), "begin with a digit"),
            (FINE.replace("1:1.0-1~b+2", "1.0-"), "last hyphen"),
            (FINE.replace("1:1.0-1~b+2", "x:1"), "epoch"),
        ] {
            let said = faults(&control);
            assert!(said.len() == 1 && said[0].contains(says), "{says}: {said:?}");
        }
    }

    #[test]
    fn the_other_lists_are_read_as_dpkg_reads_them() {
        let is_folder = |path: &str| path == "/etc";
        assert_eq!(conffiles("/etc/a\n\n/etc/b  \nremove-on-upgrade /etc/c\n", is_folder), Vec::<String>::new());
        for wrong in ["etc/a\n", "/etc/a", "/etc\n", "other-flag /etc/a\n"] {
            assert_eq!(conffiles(wrong, is_folder).len(), 1, "{wrong}");
        }
        assert_eq!(triggers("interest a # why\n\n# all\nactivate-noawait /usr/b\n"), None);
        assert!(triggers("bogus a\n").is_some() && triggers("interest\n").is_some());
    }

    #[test]
    fn the_members_stand_in_their_order() {
        let members = |names: &[&str]| -> Vec<Member> {
            names.iter().map(|name| Member { name: (*name).to_owned(), offset: 0, size: 0 }).collect()
        };
        let fine = ["debian-binary", "_note", "control.tar.gz", "data.tar.xz", "_gpgorigin", "rest"];
        assert_eq!(order(&members(&fine)), None);
        assert!(order(&members(&["debian-binary", "data.tar.gz", "control.tar.gz"])).is_some());
        assert!(order(&members(&["debian-binary", "control.tar.gz", "other", "data.tar.gz"])).is_some());
    }
}
