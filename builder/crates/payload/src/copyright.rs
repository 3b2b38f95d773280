//! The licences that a Debian package's copyright file names, where it is machine-readable.
//! Format: "Machine-readable debian/copyright file 1.0" (DEP-5), https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

/// The longest file that is read, in bytes.
pub(super) const LONGEST: u64 = 4 << 20;
/// Most different licences that are told apart.
const MOST: usize = 200;

/// What the package's files are under, all of it, joined by "and"; `None` for a text that is not machine-readable.
pub(super) fn license(text: &str) -> Option<String> {
    let mut stanzas = stanzas(text);
    let header = stanzas.next()?;
    let format = field(&header, "Format")?;
    if !format.contains("copyright-format/1") && !format.contains("dep5") {
        return None;
    }
    // A header's licence is the whole package's.
    let files = stanzas.filter(|stanza| field(stanza, "Files").is_some_and(|files| !files.trim().starts_with("debian/")));
    let all = std::iter::once(header).chain(files).filter_map(|stanza| field(&stanza, "License").map(str::to_owned));
    let mut names: Vec<String> = Vec::new();
    for name in all.filter(|name| !name.is_empty()) {
        if !names.contains(&name) && names.len() < MOST {
            names.push(name);
        }
    }
    match names.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => {
            let grouped = several.iter().map(|name| if name.contains(' ') { format!("({name})") } else { name.clone() });
            Some(grouped.collect::<Vec<_>>().join(" and "))
        }
    }
}

/// Paragraphs as lines.
fn stanzas(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#')).peekable();
    std::iter::from_fn(move || {
        while lines.next_if(|line| line.trim().is_empty()).is_some() {}
        let stanza: Vec<&str> = std::iter::from_fn(|| lines.next_if(|line| !line.trim().is_empty())).collect();
        (!stanza.is_empty()).then_some(stanza)
    })
}

/// A field's first line.
fn field<'t>(stanza: &[&'t str], wanted: &str) -> Option<&'t str> {
    let fields = stanza.iter().filter(|line| !line.starts_with([' ', '\t'])).filter_map(|line| line.split_once(':'));
    fields.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::license;

    const FORMAT: &str = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: x\n\n";

    #[test]
    fn each_licence_is_named_once_and_the_packaging_s_own_not_at_all() {
        let text = "Files: *\nCopyright: a\nLicense: GPL-2+\n\nFiles: a.c\nLicense: GPL-2+\n\nFiles: b.c\nLicense: MIT or BSD-3-clause\n \
                    text\n\nFiles: debian/*\nLicense: Artistic\n\nLicense: GPL-2+\n On Debian systems\n";
        assert_eq!(license(&format!("{FORMAT}{text}")).unwrap(), "GPL-2+ and (MIT or BSD-3-clause)");
    }

    #[test]
    fn a_text_for_people_names_none() {
        assert_eq!(license("This package was debianized by X.\n\nLicense: GPL\n"), None);
        assert_eq!(license(""), None);
        assert_eq!(license(FORMAT), None);
    }
}
