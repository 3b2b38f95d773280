//! The text of a site's answers, as its configuration packages bring them and as a `.run` takes them (docs/fleet.md): `KEY=VALUE` lines behind
//! a first line that says what it is.

use base::error::{Error, Result};
use contract::settings::{Lifetime, Setting};
use std::collections::BTreeMap;

/// The first line.
pub const FIRST_LINE: &str = "# linkpack site 1\n";
/// What an endpoint reads of such a file, in bytes.
pub const LIMIT: u64 = 64 << 10;
/// What lines of csclient.cfg begin with.
const CLIENT: &str = "csclient.";
/// Lines of csclient.cfg that are settings, or the connector's own.
const OWN: [&str; 3] = ["serverUrl", "vlinkCoreId", "vlinkMachineId"];

/// What a site file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// The product that it is for.
    pub product: String,
    /// The site's name.
    pub site: String,
    /// Settings of the contract.
    pub settings: Vec<(String, String)>,
    /// Lines of csclient.cfg.
    pub lines: BTreeMap<String, String>,
}

impl Answers {
    /// The text, not signed.
    ///
    /// # Errors
    /// A value that a line cannot hold, and more than an endpoint reads.
    pub fn text(&self) -> Result<String> {
        let mut text = format!("{FIRST_LINE}PRODUCT={}\nSITE={}\n", self.product, self.site);
        for (name, value) in &self.settings {
            text += &line(name, name, value)?;
        }
        for (key, value) in &self.lines {
            if OWN.contains(&key.as_str()) {
                return Err(Error::new(format!("{key} cannot be a line of a site's csclient.cfg"))
                    .help("give server-url or core-id in the site file"));
            }
            text += &line(&format!("{CLIENT}{key}"), key, value)?;
        }
        match text.len() as u64 > LIMIT / 2 {
            true => Err(Error::new(format!("the site's answers take {} bytes, and {} at most are read", text.len(), LIMIT / 2))
                .help("shorten its settings, or build full packages: --per-site packages")),
            false => Ok(text),
        }
    }

    /// Reads a text back; `None` for what is no site file. Lines that are none are left out and counted.
    pub fn parse(text: &str) -> Option<(Answers, usize)> {
        let mut answers = Answers::default();
        let mut odd = 0;
        for line in text.strip_prefix(FIRST_LINE)?.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.split_once('=') {
                Some(("PRODUCT", value)) if answers.product.is_empty() => value.clone_into(&mut answers.product),
                Some(("SITE", value)) if answers.site.is_empty() => value.clone_into(&mut answers.site),
                Some(("KEY" | "SIGNATURE", _)) => {}
                Some((key, value)) => match key.strip_prefix(CLIENT) {
                    Some(key) => drop(answers.lines.insert(key.to_owned(), value.to_owned())),
                    None if Setting::named(key).is_some_and(|setting| setting.lifetime != Lifetime::OneRun) => {
                        answers.settings.push((key.to_owned(), value.to_owned()));
                    }
                    None => odd += 1,
                },
                None => odd += 1,
            }
        }
        Some((answers, odd))
    }
}

/// What the endpoint reads back as it is: it cuts blanks off both ends, and quotes.
fn line(key: &str, shown: &str, value: &str) -> Result<String> {
    let quoted = value.len() > 1 && ['"', '\''].iter().any(|quote| value.starts_with(*quote) && value.ends_with(*quote));
    if value.chars().any(char::is_control) || value.trim() != value || (quoted && !key.starts_with(CLIENT)) {
        return Err(Error::new(format!("{shown}: a site file cannot hold the value {value:?}"))
            .help("write it in one line, without blanks at its ends and without quotes around it"));
    }
    Ok(format!("{key}={value}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> Answers {
        Answers {
            product: "acme".into(),
            site: "berlin".into(),
            settings: vec![("SERVER_URL".into(), "https://b.example".into())],
            lines: BTreeMap::from([("log.maxSizeKB".into(), "\"5\" \\".into())]),
        }
    }

    #[test]
    fn a_text_reads_back_as_it_was_written() {
        let text = answers().text().unwrap();
        assert_eq!(
            text,
            "# linkpack site 1\nPRODUCT=acme\nSITE=berlin\nSERVER_URL=https://b.example\ncsclient.log.maxSizeKB=\"5\" \\\n"
        );
        assert_eq!(Answers::parse(&text), Some((answers(), 0)));
        assert_eq!(Answers::parse(&format!("{text}rubbish\nIMAGINE=1\nIMAGE=1\nPRODUCT=other\n")).unwrap().1, 4);
        assert_eq!(Answers::parse("PRODUCT=acme\n"), None);
    }

    #[test]
    fn what_a_line_cannot_hold_is_refused() {
        for value in ["a\nRUN_AS=root", " a", "a\t", "\u{7f}"] {
            let refused = Answers { lines: BTreeMap::from([("a".into(), value.into())]), ..answers() };
            assert!(refused.text().is_err(), "{value:?}");
        }
        assert!(Answers { settings: vec![("TOKEN_FILE".into(), "\"/a\"".into())], ..answers() }.text().is_err());
        assert!(Answers { lines: BTreeMap::from([("vlinkCoreId".into(), "a".into())]), ..answers() }.text().is_err());
        assert!(Answers { lines: BTreeMap::from([("a".into(), "x".repeat(40_000))]), ..answers() }.text().is_err());
    }
}
