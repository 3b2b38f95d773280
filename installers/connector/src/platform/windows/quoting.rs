//! One command line out of a program and its arguments, as Windows wants it.

/// The command line of a program, by the rules that the C runtime takes it apart by. The error is one sentence.
pub fn command_line(program: &str, arguments: &[String]) -> Result<String, String> {
    // The program's own name is taken apart by other rules, which know no way to write a quote.
    let mut line = quoted_whole(program)?;
    for argument in arguments {
        line.push(' ');
        push(&mut line, argument);
    }
    Ok(line)
}

/// The command line by which cmd.exe (its path) runs a batch file. What it would not hand on as it is, is refused: no
/// quoting protects `%`, and quotes end at quotes. The error is one sentence.
pub fn batch_command_line(shell: &str, batch: &str, arguments: &[String]) -> Result<String, String> {
    let words = std::iter::once(batch).chain(arguments.iter().map(String::as_str));
    let mut inner = String::new();
    for word in words {
        if let Some(bad) = word.chars().find(|c| c.is_control() || "\"%!^".contains(*c)) {
            return Err(format!("a batch file cannot be given '{}' safely; use an .exe", bad.escape_default()));
        }
        if word.ends_with('\\') {
            return Err("a batch file cannot be given a word that ends in a backslash safely; use an .exe".to_string());
        }
        if !inner.is_empty() {
            inner.push(' ');
        }
        inner += &format!("\"{word}\"");
    }
    Ok(format!("{} /d /e:ON /v:OFF /c \"{inner}\"", quoted_whole(shell)?))
}

/// Whether CreateProcess would hand a file to cmd.exe. It ignores dots and spaces at the end of a name.
pub fn is_batch(program: &str) -> bool {
    let name = program.trim_end_matches(['.', ' ']).to_ascii_lowercase();
    name.ends_with(".bat") || name.ends_with(".cmd")
}

fn quoted_whole(program: &str) -> Result<String, String> {
    if program.contains('"') {
        return Err(format!("'{program}' cannot be a program's path: it holds a quote"));
    }
    Ok(format!("\"{program}\""))
}

/// Adds an argument. Backslashes count only before a quote, and there each must be doubled.
fn push(line: &mut String, argument: &str) {
    if !argument.is_empty() && !argument.contains([' ', '\t', '\n', '\u{b}', '"']) {
        line.push_str(argument);
        return;
    }
    let mut backslashes = 0;
    line.push('"');
    for c in argument.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                line.extend(std::iter::repeat('\\').take(backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        line.push(c);
    }
    line.extend(std::iter::repeat('\\').take(backslashes));
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(arguments: &[&str]) -> String {
        let arguments: Vec<String> = arguments.iter().map(|a| a.to_string()).collect();
        command_line("p", &arguments).unwrap()
    }

    /// The C runtime's own rules, the other way round.
    fn taken_apart(line: &str) -> Vec<String> {
        let (mut words, mut word, mut open, mut started) = (Vec::new(), String::new(), false, false);
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            let mut slashes = 0;
            let mut c = c;
            while c == '\\' {
                slashes += 1;
                match chars.peek() {
                    Some('\\') => c = chars.next().unwrap(),
                    Some('"') => {
                        chars.next();
                        c = '"';
                    }
                    _ => break,
                }
            }
            started |= slashes > 0;
            match c {
                '"' if slashes > 0 => {
                    word.extend(std::iter::repeat('\\').take(slashes / 2));
                    if slashes % 2 == 1 {
                        word.push('"');
                    } else {
                        open = !open;
                    }
                }
                '"' => {
                    open = !open;
                    started = true;
                }
                '\\' => word.extend(std::iter::repeat('\\').take(slashes)),
                ' ' | '\t' if !open => {
                    if started {
                        words.push(std::mem::take(&mut word));
                    }
                    started = false;
                }
                c => {
                    word.push(c);
                    started = true;
                }
            }
        }
        if started {
            words.push(word);
        }
        words
    }

    #[test]
    fn every_argument_comes_out_as_it_went_in() {
        let pieces = ["", "a", "\\", "\\\\", "\"", " ", "\t", "b c", "\\\"", "é"];
        for a in pieces {
            for b in pieces {
                for c in pieces {
                    let joined = format!("{a}{b}{c}");
                    let arguments = [joined.as_str(), a, "last"];
                    assert_eq!(taken_apart(&line(&arguments)[4..]), arguments, "{}", line(&arguments));
                }
            }
        }
    }

    #[test]
    fn only_what_needs_quotes_gets_them() {
        assert_eq!(line(&["-f", r"C:\a\", "a b\\", r#"say "hi""#, ""]), r#""p" -f C:\a\ "a b\\" "say \"hi\"" """#);
        assert!(command_line("a\"b", &[]).is_err());
    }

    #[test]
    fn a_batch_file_is_refused_what_it_would_interpret() {
        for batch in ["a.bat", "A.CMD", "a.bat. .", "dir/x.Bat "] {
            assert!(is_batch(batch), "{batch}");
        }
        assert!(!is_batch("a.bat.exe") && !is_batch("bat"));
        let run = |argument: &str| batch_command_line(r"C:\W\cmd.exe", r"C:\a b\x.bat", &[argument.to_string()]);
        assert_eq!(run("a & b").unwrap(), r#""C:\W\cmd.exe" /d /e:ON /v:OFF /c ""C:\a b\x.bat" "a & b"""#);
        for bad in ["%PATH%", "\"&calc&\"", "a\nb", "!x!", "^", "c\\"] {
            assert!(run(bad).is_err(), "{bad}");
        }
    }
}
