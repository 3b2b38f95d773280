//! The command line that a service is registered with.

/// The command line with its program in quotes, where it is `program` and is not quoted. A path with spaces and without
/// quotes lets whoever may write `C:\Program.exe` run that as SYSTEM.
pub fn mended(command_line: &str, program: &str) -> Option<String> {
    let (own, rest) = (command_line.get(..program.len())?, &command_line[program.len()..]);
    let same = own.to_lowercase() == program.to_lowercase();
    let whole = rest.is_empty() || rest.starts_with([' ', '\t']);
    (same && whole).then(|| format!("\"{own}\"{rest}"))
}

#[cfg(test)]
mod tests {
    use super::mended;

    #[test]
    fn only_an_unquoted_path_of_its_own_is_mended() {
        let own = r"C:\Program Files\Intigua\vAgentManager\vlinkservice.exe";
        let given = r#"c:\program files\Intigua\vAgentManager\vlinkservice.exe run --root "C:\Program Files\Intigua\.""#;
        let expected = r#""c:\program files\Intigua\vAgentManager\vlinkservice.exe" run --root "C:\Program Files\Intigua\.""#;
        assert_eq!(mended(given, own).as_deref(), Some(expected));
        assert_eq!(mended(own, own), Some(format!("\"{own}\"")));
        for other in [expected, r"C:\Program Files\Other\x.exe run", &format!("{own}.bak run"), "", "é", r"C:\"] {
            assert_eq!(mended(other, own), None, "{other}");
        }
    }
}
