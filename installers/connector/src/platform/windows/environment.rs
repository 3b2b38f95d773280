//! A process's environment, as CreateProcess takes it.

/// The block: `NAME=value`, each ended by a zero, sorted by name without regard to case as Windows wants it, and one
/// more zero. Of two names that differ in case only, the last counts.
pub fn block(variables: &[(String, String)]) -> Vec<u16> {
    let mut kept: Vec<(String, &str, &str)> = Vec::new();
    for (name, value) in variables.iter().rev() {
        let key = name.to_uppercase();
        if !kept.iter().any(|(other, _, _)| *other == key) {
            kept.push((key, name, value));
        }
    }
    kept.sort();
    let mut block: Vec<u16> = Vec::new();
    for (_, name, value) in &kept {
        block.extend(format!("{name}={value}").encode_utf16());
        block.push(0);
    }
    if kept.is_empty() {
        block.push(0);
    }
    block.push(0);
    block
}

/// What programs cannot do without on Windows. `system` is the directory of Windows, `data` is ProgramData, `work` is for
/// temporary files; `own` reads a variable of the connector's own environment.
pub fn necessities(system: &str, data: &str, work: &str, own: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let mut variables = vec![
        ("SystemRoot".to_string(), system.to_string()),
        ("windir".to_string(), system.to_string()),
        ("SystemDrive".to_string(), system.chars().take(2).collect()),
        ("ComSpec".to_string(), format!("{system}\\system32\\cmd.exe")),
        ("PATH".to_string(), format!("{system}\\system32;{system};{system}\\System32\\Wbem")),
        ("PATHEXT".to_string(), ".COM;.EXE;.BAT;.CMD".to_string()),
        ("ProgramData".to_string(), data.to_string()),
        ("TEMP".to_string(), work.to_string()),
        ("TMP".to_string(), work.to_string()),
    ];
    let handed_on = ["ProgramFiles", "CommonProgramFiles", "OS", "PROCESSOR_ARCHITECTURE", "NUMBER_OF_PROCESSORS"];
    variables.extend(handed_on.iter().filter_map(|name| Some((name.to_string(), own(name)?))));
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_string(), value.to_string())
    }

    #[test]
    fn the_block_is_sorted_and_the_last_of_equal_names_counts() {
        let variables = [pair("Path", "old"), pair("b", "2"), pair("A", "1"), pair("PATH", "new")];
        assert_eq!(String::from_utf16(&block(&variables)).unwrap(), "A=1\0b=2\0PATH=new\0\0");
        assert_eq!(block(&[]), [0, 0]);
    }

    #[test]
    fn nothing_else_of_the_connectors_environment_is_handed_on() {
        let own = |name: &str| (name != "OS").then(|| format!("own {name}"));
        let variables = necessities(r"C:\Windows", r"C:\data", r"C:\w", own);
        let value = |name: &str| variables.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!(value("SystemDrive"), Some("C:"));
        assert_eq!(value("ComSpec"), Some(r"C:\Windows\system32\cmd.exe"));
        assert_eq!(value("TEMP"), Some(r"C:\w"));
        assert_eq!(value("ProgramData"), Some(r"C:\data"));
        assert_eq!(value("ProgramFiles"), Some("own ProgramFiles"));
        assert_eq!((value("OS"), value("USERNAME")), (None, None));
    }
}
