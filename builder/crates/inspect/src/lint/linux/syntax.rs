//! Scripts that no shell parses: a quote without its end, and if, case and do without theirs. It is no parser of the language: what it
//! finds is certain, what it does not find may be there.

use super::shell::{code, open_quote};

/// The line of the first such fault, and what it is.
pub fn fault(script: &str) -> Option<(usize, String)> {
    if script.lines().any(nests_quotes) {
        return None;
    }
    let quote = open_quote(script);
    let mut open: Vec<(&str, usize)> = Vec::new();
    for (at, line) in code(script).iter().enumerate() {
        if quote.is_some_and(|(opened, _)| opened == at + 1) {
            break;
        }
        let pieces = pieces(line);
        let first = line.split_whitespace().next().unwrap_or_default();
        // A shell reads as far as it runs: a program of another language may follow.
        if open.is_empty() && pieces.len() == 1 && matches!(first, "exec" | "exit") {
            return None;
        }
        for piece in pieces {
            if let Some(what) = nested(piece, at + 1, &mut open) {
                return Some((at + 1, what));
            }
        }
    }
    if let Some((line, quote)) = quote {
        return Some((line, format!("the {quote} that opens here is never closed")));
    }
    open.pop().map(|(word, line)| (line, format!("the {word} that opens here has no {}", end(word))))
}

/// Quotes in a command in quotes, which only a parser of the whole language tells apart.
fn nests_quotes(line: &str) -> bool {
    let inner = line.split_once("$(").or_else(|| line.split_once('`'));
    let quoted = inner.is_some_and(|(before, after)| before.contains('"') && after.contains(['"', '\'']));
    // A subshell in a command in backquotes.
    quoted || line.split_once('`').is_some_and(|(_, after)| after.contains('('))
}

fn end(word: &str) -> &'static str {
    match word {
        "if" => "fi",
        "case" => "esac",
        _ => "done",
    }
}

/// Follows the keywords that a command begins with.
fn nested(piece: &str, line: usize, open: &mut Vec<(&'static str, usize)>) -> Option<String> {
    let words: Vec<&str> = piece.split_whitespace().collect();
    if matches!(words[..], ["for", _, "do", ..]) {
        open.push(("do", line));
    }
    for word in words {
        match word {
            "if" => open.push(("if", line)),
            "do" => open.push(("do", line)),
            "case" => {
                open.push(("case", line));
                return None;
            }
            "fi" | "esac" | "done" => match open.pop() {
                None => return Some(format!("nothing is open that this {word} could end")),
                Some((opened, at)) if end(opened) != word => {
                    return Some(format!("this {word} does not end the {opened} of line {at}"));
                }
                Some(_) => {}
            },
            "then" | "else" | "elif" | "while" | "until" | "!" | "{" | "}" => {}
            _ => return None,
        }
    }
    None
}

/// A line's commands, without the patterns of `case`.
fn pieces(line: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut depth, mut arms) = (0, 0_usize, 0);
    for (at, c) in line.char_indices().filter(|(_, c)| ";|&()`".contains(*c)) {
        let piece = line[start..at].trim();
        start = at + 1;
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => {
                depth -= 1;
                // A pattern may stand in parentheses; no command is one keyword.
                if !piece.contains(' ') {
                    continue;
                }
            }
            // The end of a pattern, and what was before a `|` belongs to it.
            ')' if !piece.starts_with("case ") && piece != "esac" => {
                pieces.truncate(pieces.len() - arms);
                arms = 0;
                continue;
            }
            _ => {}
        }
        arms = if c == '|' && !piece.starts_with("case ") { arms + 1 } else { 0 };
        pieces.push(piece);
    }
    pieces.push(line[start..].trim());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_parses_has_no_fault() {
        for script in [
            "if a; then b; elif c; then d; else e; fi\n",
            "case $1 in\n  done|fi) a ;;\n  (if) b ;;\n  *) if x; then y; fi ;;\nesac\n",
            "for x do echo $x; done; for y in a b\ndo\n  while read l; do echo \"$l's\"; done\ndone <f\n",
            "x=$(case $y in a) echo 1;; esac)\necho done fi esac do if\n",
            "exec perl -x -- \"$0\" \"$@\"\n#!perl\nif (x) {\n}\nprint 'it\n",
            "x=`( cd /a && for f in a b; do echo $f; done ) | tr a b`\nif a; then b; fi\n",
            "x=\"$(sed -e \"s' a 'b'\")\"\nif a; then b; fi\n",
            "cat <<EOF\nit's if\nEOF\necho \"a 'b\nc\" # don't\nif a; then { b; } fi\n",
        ] {
            assert_eq!(fault(script), None, "{script}");
        }
    }

    #[test]
    fn what_no_shell_parses_is_named_with_its_line() {
        for (script, line, what) in [
            ("a\nif b; then\n  c\n", 2, "the if that opens here has no fi"),
            ("echo \"a\n", 1, "the \" that opens here is never closed"),
            ("a\nfi\n", 2, "nothing is open that this fi could end"),
            ("while a; do\n  if b; then c\ndone\n", 3, "this done does not end the if of line 2"),
        ] {
            assert_eq!(fault(script), Some((line, what.to_owned())), "{script}");
        }
    }
}
