//! Fills the texts of templates/channels. A value is quoted for the language that it stands in.

use crate::error::{Error, Result};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value};

/// Fills a template; the filters `sh`, `hcl`, `json` (also for YAML) and `ps` quote, `xml` escapes.
///
/// # Errors
/// The template is broken, which is a fault of linkpack.
pub fn fill(template: &str, context: Value) -> Result<String> {
    let broken = |error: minijinja::Error| Error::new(format!("a channel's template is broken: {error:#}; please report this"));
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).keep_trailing_newline(true).build().map_err(broken)?);
    environment.add_filter("sh", |value: String| crate::endpoint::sh_quote(&value));
    environment.add_filter("hcl", |value: String| hcl(&value));
    environment.add_filter("json", |value: String| json(&value));
    environment.add_filter("ps", |value: String| powershell(&value));
    environment.add_filter("xml", |value: String| xml(&value));
    environment.render_str(template, context).map_err(broken)
}

/// A text as JSON, which is also a scalar of YAML 1.2 (7.3.1).
pub fn json(value: &str) -> String {
    serde_json::to_string(value).expect("a text")
}

/// A quoted template of HCL (its specification, "Template Expressions"): nothing in it is a template any more.
fn hcl(value: &str) -> String {
    let mut word = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => word.extend(['\\', c]),
            c if c.is_control() => word += &format!("\\u{:04x}", u32::from(c)),
            c => word.push(c),
        }
    }
    word.replace("${", "$${").replace("%{", "%%{") + "\""
}

/// A verbatim string of PowerShell (about_Quoting_Rules). Typographic quotes end it as well.
fn powershell(value: &str) -> String {
    let mut word = String::from("'");
    for c in value.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            word.push(c);
        }
        word.push(if c.is_control() { ' ' } else { c });
    }
    word + "'"
}

/// Text of an XML 1.0 document, which knows no control characters.
fn xml(value: &str) -> String {
    let mut text = String::new();
    for c in value.chars() {
        match c {
            '&' => text += "&amp;",
            '<' => text += "&lt;",
            '>' => text += "&gt;",
            '"' => text += "&quot;",
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => text.push(' '),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_mean_nothing_in_the_language_they_stand_in() {
        let odd = "a'b\"$c${d}%{e}`f\\<&>\u{2019}\u{fc}\n";
        assert_eq!(powershell(odd), "'a''b\"$c${d}%{e}`f\\<&>\u{2019}\u{2019}\u{fc} '");
        assert_eq!(hcl(odd), "\"a'b\\\"$c$${d}%%{e}`f\\\\<&>\u{2019}\u{fc}\\u000a\"");
        assert_eq!(json(odd), "\"a'b\\\"$c${d}%{e}`f\\\\<&>\u{2019}\u{fc}\\n\"");
        assert_eq!(xml(odd), "a'b&quot;$c${d}%{e}`f\\&lt;&amp;&gt;\u{2019}\u{fc} ");
        assert_eq!(fill("{{ odd|sh }}", minijinja::context! { odd }).unwrap(), format!("'{}'", odd.replace('\'', "'\\''")));
    }
}
