//! rpm's rich dependencies, such as `(a or b)`: read as rpm reads them, so that a build refuses what rpm would.
//! Syntax: rpm's "Boolean Dependencies" manual.

/// rpm's own limit is the stack's; this is more than anybody nests.
const DEEPEST: usize = 16;

/// Reads a rich dependency whole; `relation` reads what stands between the operators.
///
/// # Errors
/// A sentence of what is wrong, without the text itself.
pub fn check(text: &str, relation: &dyn Fn(&str) -> Result<(), String>) -> Result<(), String> {
    let mut reader = Reader { rest: text.trim(), relation };
    reader.term(0)?;
    match reader.rest.trim_start() {
        "" => Ok(()),
        more => Err(format!("\"{}\" stands behind its last parenthesis", more.escape_debug())),
    }
}

struct Reader<'a> {
    rest: &'a str,
    relation: &'a dyn Fn(&str) -> Result<(), String>,
}

impl<'a> Reader<'a> {
    /// A relation, or an expression in parentheses.
    fn term(&mut self, depth: usize) -> Result<(), String> {
        if depth > DEEPEST {
            return Err("it is nested too deeply".to_owned());
        }
        self.rest = self.rest.trim_start();
        let Some(inside) = self.rest.strip_prefix('(') else { return self.relation() };
        self.rest = inside;
        self.term(depth + 1)?;
        let mut first = None;
        while let Some(operator) = self.operator()? {
            match (first, operator) {
                (None, "and" | "or" | "with" | "without" | "if" | "unless") => first = Some(operator),
                (Some("and"), "and") | (Some("or"), "or") | (Some("with"), "with") => {}
                (Some("if" | "unless"), "else") => first = Some("else"),
                (None, _) => return Err("\"else\" stands without \"if\" or \"unless\"".to_owned()),
                (Some(before), _) => {
                    return Err(format!("\"{operator}\" follows \"{before}\" without parentheses of its own"));
                }
            }
            self.term(depth + 1)?;
        }
        Ok(())
    }

    /// The next operator; none at the closing parenthesis, which is read.
    fn operator(&mut self) -> Result<Option<&'a str>, String> {
        self.rest = self.rest.trim_start();
        if let Some(behind) = self.rest.strip_prefix(')') {
            self.rest = behind;
            return Ok(None);
        }
        match self.word() {
            "" => Err("a parenthesis is not closed".to_owned()),
            word if ["and", "or", "if", "unless", "with", "without", "else"].contains(&word) => Ok(Some(word)),
            word => Err(format!("\"{}\" is none of and, or, if, unless, with, without, else", word.escape_debug())),
        }
    }

    /// `name`, or `name >= 1.0`.
    fn relation(&mut self) -> Result<(), String> {
        let start = self.rest;
        if self.word().is_empty() {
            return Err("a relation is missing".to_owned());
        }
        let after_name = self.rest;
        self.rest = self.rest.trim_start();
        if self.word().bytes().all(|b| b"<>=".contains(&b)) && self.rest.len() < after_name.trim_start().len() {
            self.rest = self.rest.trim_start();
            self.word();
        } else {
            self.rest = after_name;
        }
        (self.relation)(start[..start.len() - self.rest.len()].trim())
    }

    /// Up to a space, or to a parenthesis that the word itself does not open.
    fn word(&mut self) -> &'a str {
        let mut open = 0;
        let end = self.rest.find(|c: char| {
            open += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            c.is_whitespace() || open < 0
        });
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }
}

#[cfg(test)]
mod tests {
    fn check(text: &str) -> Result<(), String> {
        super::check(text, &|one| super::super::relation::rpm(one).map(|_| ()))
    }

    #[test]
    fn what_rpm_reads_is_taken() {
        for good in [
            "(a or b)",
            "(a)",
            "( a and b and c )",
            "(a >= 1.0 if b)",
            "(a if b else c)",
            "(a with b >= 2)",
            "(a without b)",
            "((a or b) and (c or d >= 1:2-3))",
            "(libc.so.6(GLIBC_2.17)(64bit) or musl)",
        ] {
            check(good).unwrap_or_else(|error| panic!("{good}: {error}"));
        }
    }

    #[test]
    fn what_rpm_does_not_read_is_refused() {
        let deep = format!("{}a or b{}", "(".repeat(40), ")".repeat(40));
        for (bad, why) in [
            ("()", "missing"),
            ("(a or b", "not closed"),
            ("(a or)", "missing"),
            ("(a or b) c", "behind its last"),
            ("(a and b or c)", "without parentheses of its own"),
            ("(a xor b)", "none of and"),
            ("(a else b)", "without \"if\""),
            ("(a >= or b)", "none of and"),
            ("(a=1 or b)", "not an RPM dependency"),
            ("(a without b without c)", "without parentheses"),
            (&deep, "too deeply"),
        ] {
            let error = check(bad).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }
}
