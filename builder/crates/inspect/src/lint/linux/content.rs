//! Secrets in files and scripts that everybody can read.

use super::{Findings, Place, Subject};
use crate::look::{secrets, Secret, SecretKind};

const CONFIGURATION: [&str; 12] =
    [".conf", ".cfg", ".cnf", ".ini", ".json", ".env", ".yaml", ".yml", ".properties", ".toml", ".xml", ".service"];

/// Endings of programs' sources.
const SOURCES: [&str; 10] = [".py", ".rb", ".pl", ".pm", ".js", ".ts", ".go", ".java", ".lua", ".php"];

/// Parts of paths below which keys are examples.
const EXAMPLES: [&str; 6] = ["/doc/", "/example", "/test", "/sample", "/demo", "/man/"];

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    const REMEDY: &str = "take it out and replace it wherever it is used: whoever has the package has it";
    for file in subject.files().filter(|file| file.mode.is_none_or(|mode| mode & 0o004 != 0)) {
        let Some(look) = file.look.as_deref() else { continue };
        for Secret { kind, line, indented } in &look.secrets {
            let place = Place::part(&file.path);
            let what = format!("line {line} looks like {}, and everybody can read the file", kind.name());
            let example = EXAMPLES.iter().any(|part| file.path.contains(part));
            let name = file.path.rsplit('/').next().unwrap_or_default();
            // Programs document themselves by examples; a key that one uses stands at the beginning of its lines.
            let example = example || (*indented && SOURCES.iter().any(|ending| name.ends_with(ending)));
            let configures = CONFIGURATION.iter().any(|ending| name.ends_with(ending)) || file.config;
            match kind {
                SecretKind::Password if example || !configures => {}
                SecretKind::CutKey => findings.warning("secret", place, what, REMEDY),
                SecretKind::PrivateKey | SecretKind::AwsKey if example => findings.warning("secret", place, what, REMEDY),
                SecretKind::Password => findings.warning("secret", place, what, REMEDY),
                SecretKind::PrivateKey | SecretKind::AwsKey => findings.error("secret", place, what, REMEDY),
            }
        }
    }
    for script in &subject.report.scripts {
        for Secret { kind, line, .. } in secrets(script.text.as_bytes()) {
            let what = format!("line {line} looks like {}, and everybody can read the package's scripts", kind.name());
            match kind {
                SecretKind::Password | SecretKind::CutKey => {
                    findings.warning("secret", Place::part(&script.name), what, REMEDY);
                }
                _ => findings.error("secret", Place::part(&script.name), what, REMEDY),
            }
        }
    }
}
