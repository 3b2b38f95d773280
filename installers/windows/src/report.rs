//! What the checks found, and install.json: how it went, in the shape of docs/endpoint.md.

use super::settings::Settings;
use contract::checks;

/// One thing that was looked at.
pub struct Check {
    /// Its name in the contract.
    pub id: &'static str,
    /// The exit code where it fails.
    pub code: i32,
    /// What was looked at; empty where that is not a path.
    pub path: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How a check went.
pub enum Outcome {
    /// In order, and what was seen.
    Passed(String),
    /// What is wrong, and what to do about it.
    Failed {
        /// A sentence.
        fault: String,
        /// A sentence.
        remedy: String,
    },
}

/// A failure, from whatever can be read as a sentence.
pub fn failed(fault: impl Into<String>, remedy: impl Into<String>) -> Outcome {
    Outcome::Failed { fault: fault.into(), remedy: remedy.into() }
}

/// All checks, in the order they were made.
#[derive(Default)]
pub struct Report {
    /// Each check.
    pub checks: Vec<Check>,
}

impl Report {
    /// Adds a check.
    pub fn add(&mut self, check: &checks::Check, path: &str, outcome: Outcome) {
        self.note(check.id, check.code, path, outcome);
    }

    /// Adds one that is none of the checks before an installation.
    pub fn note(&mut self, id: &'static str, code: i32, path: &str, outcome: Outcome) {
        self.checks.push(Check { id, code, path: path.to_string(), outcome });
    }

    /// The smallest code of those that failed; `None` where all passed.
    pub fn code(&self) -> Option<i32> {
        let failed = self.checks.iter().filter(|check| matches!(check.outcome, Outcome::Failed { .. }));
        failed.map(|check| check.code).min()
    }

    /// A line for each check, for the log.
    pub fn lines(&self) -> Vec<String> {
        let line = |check: &Check| match &check.outcome {
            Outcome::Passed(seen) => format!("check {}: ok: {}: {seen}", check.id, check.path),
            Outcome::Failed { fault, remedy } => format!("check {}: FAILED ({}): {fault} -> {remedy}", check.id, check.code),
        };
        self.checks.iter().map(line).collect()
    }

    /// Every failure with its remedy, in one text for people. Empty where nothing failed.
    pub fn message(&self, product: &str) -> String {
        let mut text = String::new();
        for check in &self.checks {
            if let Outcome::Failed { fault, remedy } = &check.outcome {
                text += &format!("\r\n\r\n- {fault}\r\n   What to do: {remedy}");
            }
        }
        if text.is_empty() {
            return text;
        }
        format!("{product} cannot be installed; nothing was changed.{text}")
    }

    /// The array of install.json.
    pub fn json(&self) -> String {
        let rows = self.checks.iter().map(|check| {
            let (ok, detail, remedy) = match &check.outcome {
                Outcome::Passed(seen) => (true, seen.as_str(), ""),
                Outcome::Failed { fault, remedy } => (false, fault.as_str(), remedy.as_str()),
            };
            let [id, path, detail, remedy] = [check.id, &check.path, detail, remedy].map(json);
            format!("{{ \"id\": {id}, \"path\": {path}, \"ok\": {ok}, \"detail\": {detail}, \"remedy\": {remedy} }}")
        });
        format!("[ {} ]", rows.collect::<Vec<_>>().join(", "))
    }
}

/// The end of an installation.
pub struct Ending<'a> {
    /// A word of docs/endpoint.md.
    pub outcome: &'a str,
    /// The exit code.
    pub code: i32,
    /// A sentence.
    pub message: &'a str,
    /// The array of checks.
    pub checks: &'a str,
    /// As RFC 3339.
    pub finished_at: &'a str,
}

/// install.json.
pub fn document(settings: &Settings, ending: &Ending) -> String {
    let previous = match settings.get("PREVIOUS") {
        "" => "null".to_string(),
        version => json(version),
    };
    let started = match settings.get("STARTED_AT") {
        "" => ending.finished_at,
        time => time,
    };
    let text = |key: &str| json(settings.get(key));
    format!(
        "{{ \"id\": {}, \"outcome\": {}, \"exit_code\": {}, \"product\": {}, \"version\": {}, \"previous_version\": {previous},\n  \
         \"root\": {}, \"channel\": \"msi\", \"image\": {}, \"started_at\": {}, \"finished_at\": {},\n  \
         \"message\": {},\n  \"checks\": {} }}\n",
        text("RUN_ID"),
        json(ending.outcome),
        ending.code,
        text("PRODUCT"),
        text("VERSION"),
        json(settings.root()),
        settings.is_image(),
        json(started),
        json(ending.finished_at),
        json(ending.message),
        if ending.checks.is_empty() { "[]" } else { ending.checks },
    )
}

/// A text out of such a document.
pub fn field(document: &str, name: &str) -> Option<String> {
    // A quote within a text has a backslash before it: this cannot begin in one.
    let mut rest = document.split_once(&format!(" \"{name}\": \""))?.1.chars();
    let mut text = String::new();
    loop {
        match rest.next()? {
            '"' => return Some(text),
            '\\' => text.push(rest.next()?),
            c => text.push(c),
        }
    }
}

/// A JSON string (RFC 8259); control characters become spaces.
pub fn json(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        report.add(&checks::TEMP, r"C:\Windows\Temp", failed("it is \"full\"", "free space"));
        report.add(&checks::PRIVILEGES, "", Outcome::Passed("SYSTEM".to_string()));
        report.add(&checks::SPACE, r"D:\", failed("too little", "more"));
        report
    }

    #[test]
    fn the_smallest_code_counts_and_every_failure_is_told_with_its_remedy() {
        assert_eq!(report().code(), Some(11));
        let message = report().message("Sample");
        for part in ["it is \"full\"", "free space", "too little", "more", "Sample cannot", "nothing was changed"] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(!message.contains("SYSTEM") && report().lines().len() == 3);
        assert_eq!((Report::default().code(), Report::default().message("x")), (None, String::new()));
    }

    #[test]
    fn the_document_is_json_whatever_it_holds() {
        let mut settings = Settings::from_data("PRODUCT=a \"b\"|VERSION=1|INSTALL_ROOT=C:\\My Own\\|IMAGE=1");
        let ending = Ending { outcome: "refused", code: 11, message: "no\tway", checks: &report().json(), finished_at: "T" };
        let text = document(&settings, &ending);
        assert_eq!(field(&text, "product").as_deref(), Some("a \"b\""));
        assert_eq!((field(&text, "root").as_deref(), field(&text, "none")), (Some(r"C:\My Own"), None));
        for part in [
            r#""product": "a \"b\"""#,
            r#""root": "C:\\My Own""#,
            r#""image": true"#,
            r#""previous_version": null"#,
            r#""no way""#,
            r#""started_at": "T""#,
            r#""detail": "it is \"full\"""#,
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        settings.set("PREVIOUS", "0.9");
        assert!(document(&settings, &ending).contains(r#""previous_version": "0.9""#));
    }
}
