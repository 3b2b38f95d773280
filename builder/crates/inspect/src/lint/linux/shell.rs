//! A shell script as far as rules need it: its commands, without comments, texts in quotes, and here-documents.

/// A simple command and where it is.
#[derive(Debug)]
pub struct Command {
    /// The line, from 1.
    pub line: usize,
    /// Its words; what stood in quotes is `""`.
    pub words: Vec<String>,
}

impl Command {
    /// The program, without its folder; assignments in front of it do not count.
    pub fn program(&self) -> &str {
        let word =
            self.words.iter().find(|word| !is_assignment(word) && !matches!(word.as_str(), "sudo" | "exec" | "command" | "env"));
        word.map_or("", |word| word.rsplit('/').next().unwrap_or(word))
    }

    /// The words after the program.
    pub fn arguments(&self) -> &[String] {
        let at = self.words.iter().position(|word| word.rsplit('/').next() == Some(self.program()));
        at.map_or(&[], |at| &self.words[at + 1..])
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// The script's lines with quoted texts as `""`, and without comments and here-documents.
pub fn code(script: &str) -> Vec<String> {
    scanned(script).0
}

/// The quote that is open at the script's end, and the line where it opens.
pub fn open_quote(script: &str) -> Option<(usize, char)> {
    scanned(script).1
}

fn scanned(script: &str) -> (Vec<String>, Option<(usize, char)>) {
    let mut lines = Vec::new();
    let (mut quote, mut ends): (Option<char>, Vec<String>) = (None, Vec::new());
    let mut opened = 0;
    for line in script.lines() {
        if let Some(end) = ends.first() {
            if line.trim_start_matches('\t') == end {
                ends.remove(0);
            }
            lines.push(String::new());
            continue;
        }
        let before = quote;
        let plain = unquoted(line, &mut quote);
        // A quote that ends on a line and another that opens there count as opened there.
        if before != quote || plain.ends_with("\"\"") {
            opened = lines.len() + 1;
        }
        if quote.is_none() {
            ends.extend(here_documents(&plain, line));
        }
        lines.push(plain);
    }
    (lines, quote.map(|quote| (opened, quote)))
}

fn unquoted(line: &str, quote: &mut Option<char>) -> String {
    let mut plain = String::new();
    let mut chars = line.chars();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        match *quote {
            Some('"') if c == '\\' => drop(chars.next()),
            Some(open) if c == open => *quote = None,
            Some(_) => {}
            None if c == '\\' => {
                plain.push('_');
                chars.next();
            }
            None if c == '\'' || c == '"' => {
                *quote = Some(c);
                plain.push_str("\"\"");
            }
            None if c == '#' && (before.is_whitespace() || ";&|(".contains(before)) => break,
            None => plain.push(c),
        }
        before = c;
    }
    plain
}

/// The words that end the here-documents which begin on a line.
fn here_documents(plain: &str, line: &str) -> Vec<String> {
    if !plain.contains("<<") || plain.contains("<<<") || plain.contains("$((") {
        return Vec::new();
    }
    let ends = line.split("<<").skip(1);
    let word = |rest: &str| {
        let rest = rest.trim_start_matches('-').trim_start();
        let end: String =
            rest.chars().filter(|c| !"'\"\\".contains(*c)).take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        (!end.is_empty()).then_some(end)
    };
    ends.filter_map(word).collect()
}

/// All commands of a script, as far as they can be told without running it.
pub fn commands(script: &str) -> Vec<Command> {
    const MOST: usize = 20_000;
    const KEYWORDS: [&str; 11] = ["if", "then", "else", "elif", "while", "until", "do", "!", "{", "}", "time"];
    let mut commands = Vec::new();
    for (at, line) in code(script).iter().enumerate() {
        let spaced = line.replace("&&", ";").replace("||", ";").replace("$(", ";");
        for piece in spaced.split([';', '|', '&', '(', ')', '`']) {
            let words: Vec<String> =
                piece.split_whitespace().skip_while(|word| KEYWORDS.contains(word)).map(str::to_owned).collect();
            if !words.is_empty() && commands.len() < MOST {
                commands.push(Command { line: at + 1, words });
            }
        }
    }
    commands
}

/// What has to hold where each line is run: the conditions and the arms of `case` around it, and the line itself, quotes left out.
pub fn conditions(script: &str) -> Vec<String> {
    let mut around: Vec<String> = Vec::new();
    let mut all = Vec::new();
    for (raw, code) in script.lines().zip(code(script)) {
        let raw = raw.trim().replace(['"', '\'', '{', '}'], "");
        let code = code.trim();
        let arm = code.strip_suffix(')').or_else(|| code.split_once(") ").map(|(arm, _)| arm));
        let first = code.split([' ', '\t', ';']).next().unwrap_or_default();
        match first {
            "if" => around.push(raw.clone()),
            "elif" | "else" => {
                around.pop();
                around.push(raw.clone());
            }
            "case" => around.push(String::new()),
            _ if arm.is_some_and(|arm| !arm.contains(['(', '$', ' ']) || arm.contains('|')) => {
                around.pop();
                around.push(raw.clone());
            }
            _ => {}
        }
        all.push(format!("{}\n{raw}", around.join("\n")));
        let closes = |word: &str| code.split([' ', ';']).any(|one| one == word);
        if closes("fi") || closes("esac") {
            around.pop();
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs(script: &str) -> Vec<String> {
        commands(script).iter().map(|command| command.program().to_owned()).collect()
    }

    #[test]
    fn a_line_is_under_the_conditions_around_it() {
        let script = "if [ \"$1\" = remove ]; then\n  a\nfi\nb\ncase $1 in\nupgrade|x)\n  c\n  ;;\n*)\n  d\nesac\ne";
        let all = conditions(script);
        assert!(all[1].contains("$1 = remove") && !all[3].contains("remove"), "{all:?}");
        assert!(all[6].contains("upgrade|x)") && !all[9].contains("upgrade") && !all[11].contains("*)"), "{all:?}");
    }

    #[test]
    fn commands_are_found_and_texts_are_none() {
        assert_eq!(programs("if [ -x /a ]; then /usr/bin/curl -s x || exit 1; fi"), ["[", "curl", "exit", "fi"]);
        assert_eq!(programs("echo 'run; wget it' # wget\nX=1 wget y"), ["echo", "wget"]);
        assert_eq!(programs("cat <<EOF\nwget x\nEOF\nls"), ["cat", "ls"]);
        assert_eq!(programs("a=$(rpm -q x)"), ["", "rpm"]);
        assert_eq!(programs("awk '\n  [[ x\n'\nls"), ["awk", "ls"]);
    }
}
