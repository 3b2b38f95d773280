//! csclient.cfg: `key: "value"` lines (docs/endpoint.md). A rewrite keeps every byte it does not have to change.

use std::collections::HashSet;

/// A file with more problems than this has one problem.
const SHOWN_PROBLEMS: usize = 20;
const SHOWN_KEY: usize = 64;

/// The file's lines, known or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq)]
struct Line {
    /// With its line ending, exactly as read.
    raw: Vec<u8>,
    content: Content,
}

#[derive(Clone, Debug, PartialEq)]
enum Content {
    Setting { key: String, value: String },
    Comment,
    Broken(&'static str),
}

impl Config {
    /// Reads the file's bytes. Never fails: a line that cannot be read is kept and listed by `problems`.
    pub fn parse(bytes: &[u8]) -> Config {
        let lines = bytes.split_inclusive(|b| *b == b'\n').map(|raw| Line { raw: raw.to_vec(), content: content(raw) }).collect();
        Config { lines }
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| line.raw.iter().copied()).collect()
    }

    /// The value of a key. Where a key stands twice, the last one counts.
    pub fn get(&self, wanted: &str) -> Option<&str> {
        self.lines.iter().rev().find_map(|line| match &line.content {
            Content::Setting { key, value } if key == wanted => Some(value.as_str()),
            _ => None,
        })
    }

    /// Sets a key: in the line that holds it, else in a new last line. `value` must be free of control characters.
    pub fn set(&mut self, wanted: &str, value: &str) {
        let content = Content::Setting { key: wanted.to_string(), value: value.to_string() };
        let text = format!("{wanted}: \"{}\"", escaped(value));
        let held = self.lines.iter().rposition(|line| matches!(&line.content, Content::Setting { key, .. } if key == wanted));
        match held {
            Some(at) => {
                let raw = &self.lines[at].raw;
                let ending = raw.len() - raw.iter().rev().take_while(|b| matches!(b, b'\n' | b'\r')).count();
                let raw = [text.as_bytes(), &raw[ending..]].concat();
                self.lines[at] = Line { raw, content };
            }
            None => {
                if let Some(last) = self.lines.last_mut() {
                    if last.raw.last() != Some(&b'\n') {
                        last.raw.push(b'\n');
                    }
                }
                self.lines.push(Line { raw: (text + "\n").into_bytes(), content });
            }
        }
    }

    /// One sentence for each line that could not be read and each key that stands twice, as far as they are worth
    /// reading. Values are never quoted: they might be secrets written into the wrong place.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut more = 0_usize;
        let mut keys = HashSet::new();
        for (index, line) in self.lines.iter().enumerate() {
            let why = match &line.content {
                Content::Broken(why) => why.to_string(),
                Content::Setting { key, .. } if !keys.insert(key) => {
                    format!("{} stands twice; the last one counts", shown(key))
                }
                _ => continue,
            };
            match problems.len() < SHOWN_PROBLEMS {
                true => problems.push(format!("line {}: {why}", index + 1)),
                false => more += 1,
            }
        }
        if more > 0 {
            problems.push(format!("{more} more lines are wrong"));
        }
        problems
    }
}

/// The beginning of a key, which is plain ASCII and may be as long as the file.
fn shown(key: &str) -> &str {
    key.get(..SHOWN_KEY).unwrap_or(key)
}

fn content(raw: &[u8]) -> Content {
    let text = match std::str::from_utf8(raw) {
        Ok(text) => text.trim(),
        Err(_) => return Content::Broken("not UTF-8"),
    };
    if text.is_empty() || text.starts_with('#') {
        return Content::Comment;
    }
    match setting(text) {
        Ok((key, value)) => Content::Setting { key, value },
        Err(why) => Content::Broken(why),
    }
}

fn setting(text: &str) -> Result<(String, String), &'static str> {
    let (key, rest) = text.split_once(':').ok_or("not of the form key: \"value\"")?;
    let key = key.trim_end();
    if key.is_empty() || !key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
        return Err("the key has characters other than letters, digits, '.', '_' and '-'");
    }
    let quoted = rest.trim_start().strip_prefix('"').ok_or("the value is not in double quotes")?;
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next() {
            None => return Err("the value's closing quote is missing"),
            Some('"') => break,
            Some('\\') => match characters.next() {
                Some(c) if c == '"' || c == '\\' => value.push(c),
                _ => return Err("a backslash that is followed by neither '\"' nor '\\'"),
            },
            Some(c) if c.is_control() => return Err("a control character in the value"),
            Some(c) => value.push(c),
        }
    }
    if characters.as_str().is_empty() {
        Ok((key.to_string(), value))
    } else {
        Err("text after the closing quote")
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"# settings\r\nserverUrl: \"https://a:443;https://b\"\r\n\nunknown.key:\"x\"\nlatin: \"\xe9\"\nvlinkCoreId: \"\"\nnote: plain";

    #[test]
    fn an_unchanged_file_is_written_byte_for_byte() {
        assert_eq!(Config::parse(FILE).to_bytes(), FILE);
    }

    #[test]
    fn a_rewrite_keeps_comments_unknown_keys_and_bytes_it_cannot_read() {
        let mut config = Config::parse(FILE);
        config.set("vlinkCoreId", "id");
        config.set("vlinkMachineId", "m");
        let expected: &[u8] = b"# settings\r\nserverUrl: \"https://a:443;https://b\"\r\n\nunknown.key:\"x\"\nlatin: \"\xe9\"\nvlinkCoreId: \"id\"\nnote: plain\nvlinkMachineId: \"m\"\n";
        assert_eq!(config.to_bytes(), expected);
    }

    #[test]
    fn a_rewritten_line_keeps_its_line_ending() {
        let mut config = Config::parse(b"a: \"1\"\r\nb: \"2\"");
        config.set("a", "3");
        config.set("b", "4");
        assert_eq!(config.to_bytes(), b"a: \"3\"\r\nb: \"4\"");
    }

    #[test]
    fn quotes_and_backslashes_survive_a_round_trip() {
        let mut config = Config::default();
        config.set("key", r#"C:\x "y" é"#);
        assert_eq!(config.to_bytes(), "key: \"C:\\\\x \\\"y\\\" é\"\n".as_bytes());
        assert_eq!(Config::parse(&config.to_bytes()).get("key"), Some(r#"C:\x "y" é"#));
    }

    #[test]
    fn every_broken_line_is_named_and_its_value_is_not() {
        let text = "good: \"1\"\nsecret hunter2\nb: plain\nc: \"open\nd: \"x\" y\ne: \"a\\b\"\ngood: \"2\"\n: \"x\"\n";
        let problems = Config::parse(text.as_bytes()).problems();
        let starts: Vec<&str> = problems.iter().map(|p| p.split(':').next().unwrap()).collect();
        assert_eq!(starts, ["line 2", "line 3", "line 4", "line 5", "line 6", "line 7", "line 8"]);
        assert!(!problems.join(" ").contains("hunter2"));
    }

    #[test]
    fn a_file_of_rubbish_is_a_short_list_of_problems() {
        let text = format!("{0}: \"\"\n{0}: \"\"\n{1}", "k".repeat(10_000), "x\n".repeat(50_000));
        let problems = Config::parse(text.as_bytes()).problems();
        assert_eq!(problems.len(), SHOWN_PROBLEMS + 1);
        assert!(problems[0].len() < 200, "{}", problems[0]);
        assert_eq!(problems.last().unwrap(), "49981 more lines are wrong");
    }

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        assert_eq!(Config::parse(b"a: \"1\"\na: \"2\"\n").get("a"), Some("2"));
    }
}
