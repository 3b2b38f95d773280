//! Summaries in Markdown, for the pages that CI services show: GitHub's GITHUB_STEP_SUMMARY and the like.

use super::progress::{size, span};
use super::told::Verified;
use crate::build::Report;
use crate::error::{Error, IoContext, Result};
use crate::inspect::lint::export::Linted;
use std::path::Path;

/// Findings of one package that are listed.
const MOST: usize = 50;

/// Adds a summary to a file, which other steps may write to as well.
pub fn append(file: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
    opened.and_then(|mut out| out.write_all(text.as_bytes())).or_cannot("write the summary to", file)
}

/// A text as one cell of a table, in which nothing is markup.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for c in text.chars() {
        match c {
            '\n' | '\r' => cell.push(' '),
            '&' => cell.push_str("&amp;"),
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            c if "\\`*_[]|~@".contains(c) => cell.extend(['\\', c]),
            c if c.is_control() => {}
            c => cell.push(c),
        }
    }
    cell
}

fn errors(error: &Error) -> String {
    let each = std::iter::once(error).chain(error.more()).map(|error| {
        let place = error.snippet().map(|snippet| {
            let (line, column) = snippet.place();
            format!("{}:{line}:{column}: ", cell(&snippet.file))
        });
        let help = error.help_text().map(|help| format!("<br>help: {}", cell(help)));
        format!("- {}{}{}\n", place.unwrap_or_default(), cell(error.what()), help.unwrap_or_default())
    });
    each.collect()
}

/// What a build made, or why it made nothing.
pub fn of_build(built: std::result::Result<&Report, &Error>, warnings: &[String]) -> String {
    let mut text = match built {
        Err(error) => format!("### linkpack build failed\n\n{}\n", errors(error)),
        Ok(report) => {
            let mut text = format!("### {} {}\n\n", cell(&report.product), cell(&report.version));
            text += "| package | size | of its content | time | signed | SHA-256 |\n|---|--:|--:|--:|---|---|\n";
            for package in &report.packages {
                let ratio = (package.size * 100).checked_div(package.content).map_or("-".to_owned(), |ratio| format!("{ratio}%"));
                let signed = package.signed.as_ref().map_or("no", |signed| &*signed.kind);
                text += &format!(
                    "| {} | {} | {ratio} | {} | {signed} | `{}` |\n",
                    cell(&package.file),
                    size(package.size),
                    span(package.took),
                    package.sha256
                );
            }
            text + "\n"
        }
    };
    for warning in warnings {
        text += &format!("- warning: {}\n", cell(warning));
    }
    text + "\n"
}

/// What lint found.
pub fn of_lint(packages: &[Linted]) -> String {
    let mut text = String::from("### linkpack lint\n\n");
    for package in packages {
        text += &format!("**{}**: {}\n\n", cell(package.package()), cell(&package.counted()));
        let lines = package.told();
        for (severity, rule, said) in lines.iter().take(MOST) {
            text += &format!("- {severity} `{rule}`: {}\n", cell(said));
        }
        if lines.len() > MOST {
            text += &format!("- and {} more\n", lines.len() - MOST);
        }
        text += "\n";
    }
    text
}

/// What verify compared.
pub fn of_verify(verified: &Verified) -> String {
    let mut text = String::from("### linkpack verify\n\n| what | result |\n|---|---|\n");
    for verdict in &verified.verdicts {
        let result = if verdict.ok { "OK".to_owned() } else { verdict.faults() };
        text += &format!("| {} | {} |\n", cell(&verdict.path), cell(&result));
    }
    for rebuilt in &verified.rebuilt {
        let result =
            rebuilt.difference.as_ref().map_or("rebuild: identical".to_owned(), |what| format!("rebuild differs: {what}"));
        text += &format!("| {} | {} |\n", cell(&rebuilt.package), cell(&result));
    }
    for unread in &verified.unread {
        text += &format!("| {} | not read: {} |\n", cell(&unread.path), cell(&unread.why));
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn nothing_in_a_cell_is_markup() {
        assert_eq!(cell("a|b <img> `x`\n[l](u)"), "a\\|b &lt;img&gt; \\`x\\` \\[l\\](u)");
    }
}
