//! Words for libFuzzer to put into cases.
use super::*;
use serde_json::Value;
use std::collections::BTreeSet;

/// A target's words, a line each, as libFuzzer reads them.
pub fn of(target: &str) -> String {
    let mut words: BTreeSet<Vec<u8>> = mutate::TEXTS.iter().map(|text| text.to_vec()).collect();
    if matches!(target, "manifest" | "site") {
        let schema = cmd(env!("CARGO_BIN_EXE_linkpack")).arg("schema").run().ok();
        words_of(&serde_json::from_str(&schema.stdout).expect("a schema in JSON"), &mut words);
    }
    words.iter().map(|word| format!("\"{}\"\n", escaped(word))).collect()
}

/// The names and values that the manifest's schema knows.
fn words_of(schema: &Value, words: &mut BTreeSet<Vec<u8>>) {
    match schema {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| match (key.as_str(), value) {
            ("properties", Value::Object(names)) => {
                words.extend(names.keys().map(|name| format!("{name} = ").into_bytes()));
                names.values().for_each(|one| words_of(one, words));
            }
            ("enum", Value::Array(values)) => words.extend(values.iter().map(|one| one.to_string().into_bytes())),
            ("const", one) => drop(words.insert(one.to_string().into_bytes())),
            (_, value) => words_of(value, words),
        }),
        Value::Array(all) => all.iter().for_each(|one| words_of(one, words)),
        _ => {}
    }
}

fn escaped(word: &[u8]) -> String {
    let letter = |&byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b' ' | b'=' | b'-' | b'_' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    word.iter().map(letter).collect()
}
