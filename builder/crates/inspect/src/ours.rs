//! What linkpack's own packages say of themselves: the facts at the top of their scripts, and the services that any package registers.

use super::report::{Report, Service};
use std::collections::BTreeMap;

/// Reads the facts `LP_NAME='value'` of one of our scripts; of any other script, nothing.
pub fn facts(script: &str, report: &mut Report) -> BTreeMap<String, String> {
    const LINES: usize = 400;
    let facts: BTreeMap<String, String> = script.lines().take(LINES).flat_map(facts_of).collect();
    let Some(product) = facts.get("PRODUCT") else { return facts };
    if !facts.contains_key("CHANNEL") || !facts.contains_key("PACKAGED_ROOT") {
        return facts;
    }
    report.made_by.get_or_insert_with(|| "linkpack".to_owned());
    report.root = facts.get("PACKAGED_ROOT").cloned().filter(|root| !root.is_empty());
    if let Some(title) = facts.get("TITLE").filter(|_| report.identity.summary.is_empty()) {
        report.identity.summary.clone_from(title);
    }
    if report.identity.name.is_empty() {
        report.identity.name.clone_from(product);
    }
    for (name, value) in &facts {
        if let Some(name) = name.strip_prefix("S_") {
            report.set(name, value.clone());
        }
    }
    if let Some(containers) = facts.get("CONTAINERS").filter(|containers| !containers.is_empty()) {
        report.notes.push(format!("its containers: {}", containers.split_whitespace().collect::<Vec<_>>().join(", ")));
    }
    if let Some(service) = facts.get("SERVICE") {
        let start = "systemd, or SysV where there is none".to_owned();
        report.services.push(Service { name: service.clone(), program: "the connector of this package".to_owned(), start });
    }
    facts
}

/// The assignments `LP_NAME=value` of a line that begins with one; a value is plain, or in the single quotes that `sh_quote` writes.
pub fn facts_of(line: &str) -> Vec<(String, String)> {
    if !line.starts_with("LP_") {
        return Vec::new();
    }
    let mut words = Vec::new();
    let (mut word, mut quoted, mut chars) = (String::new(), false, line.chars());
    while let Some(c) = chars.next() {
        match c {
            '\'' => quoted = !quoted,
            '\\' if !quoted => word.extend(chars.next()),
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.iter().filter_map(|word| fact(word)).collect()
}

fn fact(word: &str) -> Option<(String, String)> {
    let (name, value) = word.strip_prefix("LP_")?.split_once('=')?;
    let plain = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    plain.then(|| (name.to_owned(), value.to_owned()))
}

/// Notes the units and init scripts among the files as services.
pub fn services<'a>(paths: impl Iterator<Item = &'a str>, report: &mut Report) {
    const UNITS: [&str; 2] = ["lib/systemd/system/", "etc/systemd/system/"];
    const MOST: usize = 100;
    for path in paths {
        let path = path.trim_start_matches('/');
        let path = path.strip_prefix("usr/").unwrap_or(path);
        let unit = UNITS.iter().find_map(|folder| path.strip_prefix(folder)).and_then(|name| name.strip_suffix(".service"));
        let script = path.strip_prefix("etc/init.d/").or_else(|| path.strip_prefix("etc/rc.d/init.d/"));
        let Some((name, start)) = unit.map(|name| (name, "systemd")).or(script.map(|name| (name, "SysV"))) else { continue };
        if name.is_empty() || name.contains('/') || name == "README" || report.services.len() >= MOST {
            continue;
        }
        match report.services.iter_mut().find(|service| service.name == name) {
            Some(service) if !service.start.contains(start) => service.start += &format!(", {start}"),
            Some(_) => {}
            None => report.services.push(Service { name: name.to_owned(), program: String::new(), start: start.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::facts_of;

    #[test]
    fn facts_are_read_as_the_shell_reads_them() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(facts_of("LP_TITLE='It'\\''s'"), [pair("TITLE", "It's")]);
        assert_eq!(facts_of("LP_OFFSET=12"), [pair("OFFSET", "12")]);
        assert_eq!(
            facts_of("LP_SERVICE='a b' LP_NAMES='' LP_x=1 LP_N=2"),
            [pair("SERVICE", "a b"), pair("NAMES", ""), pair("N", "2")]
        );
        assert_eq!(facts_of("lp_x=1 LP_Y=2"), []);
    }
}
