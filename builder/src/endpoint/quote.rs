//! Quoting for the two languages that values are put into: POSIX shell and systemd units.

/// One word of POSIX shell: in single quotes, each single quote as `'\''`.
/// See XCU 2.2.2. The value holds no NUL ([`super::Facts`] are checked for that).
pub fn sh_quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// A string of Lua, in which rpm runs `%pretrans`: in double quotes, what is neither a letter, a digit nor plain punctuation by its
/// byte's number. See the Lua 5.4 reference manual, 3.1.
pub fn lua_quote(value: &str) -> String {
    let mut word = String::with_capacity(value.len() + 2);
    word.push('"');
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'+' | b' ' => word.push(byte.into()),
            _ => word.push_str(&format!("\\{byte:03}")),
        }
    }
    word.push('"');
    word
}

/// One word of a unit's command line: in double quotes, specifiers and variables kept from expanding.
/// See systemd.service(5), "Command lines", and systemd.unit(5), "Specifiers".
pub fn unit_quote(value: &str) -> String {
    let mut word = String::with_capacity(value.len() + 2);
    word.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => word.extend(['\\', c]),
            '%' | '$' => word.extend([c, c]),
            _ => word.push(c),
        }
    }
    word.push('"');
    word
}

/// Free text of a unit, such as a description: only specifiers mean something there. A backslash at the end of the
/// line would join it with the next.
pub fn unit_text(value: &str) -> String {
    value.replace('%', "%%").trim_end_matches('\\').to_owned()
}
