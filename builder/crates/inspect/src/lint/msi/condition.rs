//! The grammar of conditions ("Conditional Statement Syntax" of Windows Installer's documentation).

/// Parentheses and NOTs inside each other; more is never needed, and it bounds the stack.
const DEEPEST: usize = 100;

/// Whether a text is a condition.
///
/// # Errors
/// What is wrong with it.
pub fn check(text: &str) -> Result<(), String> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    parser.expression()?;
    parser.tokens.get(parser.at).map_or(Ok(()), |token| Err(format!("{token} is one too many")))
}

#[derive(Debug, PartialEq)]
enum Token {
    /// A property, an environment variable, a state of a feature or component, a number or a quoted text.
    Value(String),
    Comparison(String),
    /// AND, OR, XOR, EQV, IMP.
    Logic(String),
    Not,
    Open,
    Close,
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Value(text) | Token::Comparison(text) | Token::Logic(text) => f.write_str(text),
            Token::Not => f.write_str("NOT"),
            Token::Open => f.write_str("("),
            Token::Close => f.write_str(")"),
        }
    }
}

/// Longer ones first.
const COMPARISONS: [&str; 9] = ["<>", "<=", ">=", "><", "<<", ">>", "=", "<", ">"];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, len) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '"' => {
                let end = rest[1..].find('"').ok_or("a quote does not end")?;
                (Token::Value(rest[..end + 2].to_owned()), end + 2)
            }
            '=' | '<' | '>' | '~' => comparison(rest)?,
            _ => word(rest, first)?,
        };
        tokens.push(token);
        rest = rest[len..].trim_start();
    }
    Ok(tokens)
}

fn comparison(rest: &str) -> Result<(Token, usize), String> {
    let plain = rest.strip_prefix('~').unwrap_or(rest);
    let operator = COMPARISONS.iter().find(|operator| plain.starts_with(**operator)).ok_or("~ stands alone")?;
    let len = rest.len() - plain.len() + operator.len();
    Ok((Token::Comparison(rest[..len].to_owned()), len))
}

/// A word; a sign before it says whose value it is: `%` environment, `$ ?` component, `& !` feature.
fn word(rest: &str, first: char) -> Result<(Token, usize), String> {
    let sign = if "%$?&!-".contains(first) { 1 } else { 0 };
    let name = &rest[sign..];
    let len = name.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(name.len());
    let name = &name[..len];
    let number = name.starts_with(|c: char| c.is_ascii_digit());
    if name.is_empty() {
        return Err(format!("{first:?} is not part of a condition"));
    }
    // Environment variables, features and components may begin with a digit, properties may not.
    if (number && (sign == 0 || first == '-') && name.parse::<i32>().is_err()) || (first == '-' && !number) {
        return Err(format!("{} is neither a number nor a name", &rest[..sign + len]));
    }
    let token = match name.to_ascii_uppercase().as_str() {
        "NOT" if sign == 0 => Token::Not,
        "AND" | "OR" | "XOR" | "EQV" | "IMP" if sign == 0 => Token::Logic(name.to_owned()),
        _ => Token::Value(rest[..sign + len].to_owned()),
    };
    Ok((token, sign + len))
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn expression(&mut self) -> Result<(), String> {
        self.term()?;
        while let Some(Token::Logic(_)) = self.tokens.get(self.at) {
            self.at += 1;
            self.term()?;
        }
        Ok(())
    }

    fn term(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is nested too deeply".to_owned());
        }
        match self.next()? {
            Token::Not => self.term()?,
            Token::Open => {
                self.expression()?;
                if self.next().map_err(|_| "a parenthesis is not closed".to_owned())? != &Token::Close {
                    return Err("a parenthesis is not closed".to_owned());
                }
            }
            Token::Value(_) => {
                if let Some(Token::Comparison(operator)) = self.tokens.get(self.at) {
                    self.at += 1;
                    if !matches!(self.next()?, Token::Value(_)) {
                        return Err(format!("there is no value after {operator}"));
                    }
                }
            }
            other => return Err(format!("{other} stands where a value should be")),
        }
        self.depth -= 1;
        Ok(())
    }

    fn next(&mut self) -> Result<&Token, String> {
        let token = self.tokens.get(self.at).ok_or("it ends where a value should follow")?;
        self.at += 1;
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn conditions_as_installers_write_them_are_understood() {
        for condition in [
            "NOT REMOVE",
            "Installed AND NOT RESUME AND NOT Preselected",
            r#"CONTAINERS AND CONTAINERS <> "*" AND NOT (CHOSEN ~>< ",a,")"#,
            "VersionNT >= 603 and MsiNTProductType<>1",
            r#"(?comp = 3 OR $comp=2) XOR &Feat=3 EQV !Feat = -1 IMP %PATH"#,
            r#"REMOVE~="ALL""#,
            "NOT NOT (A)",
            "\"text\"",
            "VersionNT64",
            "1",
        ] {
            assert_eq!(check(condition), Ok(()), "{condition}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused_with_its_reason() {
        for condition in [
            "",
            "NOT",
            "A AND",
            "AND A",
            "A B",
            "(A",
            "A)",
            "A = ",
            "= A",
            "A == B",
            r#"A = "b"#,
            "A ~ B",
            "A = (B)",
            "A && B",
            "1A",
            "99999999999",
            "A # B",
            "-A",
            "[A]",
        ] {
            assert!(check(condition).is_err(), "{condition:?}");
        }
        assert!(check(&"(".repeat(100_000)).is_err());
        assert!(check(&"NOT ".repeat(100_000)).is_err());
    }
}
