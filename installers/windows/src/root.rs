//! Which paths can be an install root, by their text alone.

use contract::rules::is_device;

/// Folders of the system that a root may not be.
#[derive(Default)]
pub struct SystemFolders {
    /// The Windows folder: nothing is installed there or below it.
    pub windows: String,
    /// Folders that may hold a root but not be one: Program Files, ProgramData, Users.
    pub shared: Vec<String>,
    /// Where results and logs are: an uninstall removes it, and users may not look into it.
    pub runtime: String,
}

/// Longer roots would push the deepest files of a payload above the 260 characters of MAX_PATH.
const LONGEST: usize = 150;

/// What is wrong with the path as an install root, to be read after "the install root". No backslash at its end.
pub fn fault(root: &str, system: &SystemFolders) -> Option<String> {
    if root.starts_with(r"\\") || root.starts_with("//") {
        return Some("is on a network or a device: a service has to lie on a disk of this machine".to_string());
    }
    let bytes = root.as_bytes();
    let has_drive = bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    if !has_drive || (root.len() > 2 && bytes[2] != b'\\') {
        return Some("is no absolute path".to_string());
    }
    if root.len() <= 3 {
        return Some("is a whole drive".to_string());
    }
    if root.chars().count() > LONGEST {
        return Some(format!("is longer than {LONGEST} characters"));
    }
    if let Some(fault) = root[3..].split('\\').find_map(name_fault) {
        return Some(fault);
    }
    system_fault(root, system)
}

/// What is wrong with one name of the path, which begins and ends as Windows has it.
fn name_fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some(r"has \\ within it".to_string());
    }
    // `%` would be expanded in the service's command line, brackets and braces by Windows Installer.
    if let Some(c) = name.chars().find(|c| c.is_control() || "<>:\"/|?*%[]{}".contains(*c)) {
        return Some(format!("has the character {:?}", c));
    }
    if name.ends_with('.') || name.ends_with(' ') || name.starts_with(' ') {
        return Some(format!("has the name {name:?}: Windows drops dots and spaces at the ends"));
    }
    is_device(name).then(|| format!("has the name {name:?}, which Windows keeps for a device"))
}

/// Whether the path is a folder of the system or of ours. One that is there may have a short name, so that its long one is asked as well.
pub fn system_fault(root: &str, system: &SystemFolders) -> Option<String> {
    let lower = |path: &str| path.trim_end_matches('\\').to_lowercase();
    let root = lower(root);
    let within = |folder: &str| {
        let folder = lower(folder);
        !folder.is_empty() && (root == folder || root.starts_with(&(folder + "\\")))
    };
    if within(&system.windows) {
        return Some("is Windows itself or below it".to_string());
    }
    if within(&system.runtime) {
        return Some("is the folder of the product's results and logs, or below it".to_string());
    }
    let shared = system.shared.iter().any(|folder| !folder.is_empty() && lower(folder) == root);
    shared.then(|| "is a folder that all programs share".to_string())
}

/// The path and the folders above it, the deepest first, down to the drive (`C:\`).
pub fn chain(path: &str) -> Vec<String> {
    let mut chain = vec![path.to_string()];
    let mut rest = path;
    while let Some((above, _)) = rest.rsplit_once('\\') {
        if above.len() <= 2 {
            break;
        }
        chain.push(above.to_string());
        rest = above;
    }
    if let Some(drive) = path.get(..2).filter(|_| path.len() > 3) {
        chain.push(format!("{drive}\\"));
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system() -> SystemFolders {
        let shared = [r"C:\Program Files", r"C:\ProgramData\", r"C:\Users", r"C:\Program Files (x86)"];
        let runtime = r"C:\ProgramData\Intigua".to_string();
        SystemFolders { windows: r"C:\Windows\".to_string(), shared: shared.map(String::from).to_vec(), runtime }
    }

    #[test]
    fn ordinary_folders_can_be_roots() {
        for root in [
            r"C:\Program Files\Intigua",
            r"D:\Intigua",
            r"d:\My Own\R&D (1)",
            r"C:\Windowsill",
            r"E:\Größe\日本",
            r"C:\com10\auxiliary.d",
            r"C:\ProgramData\Intiguana",
            r"D:\100 €; it's ^1 & $2, ~x=!@#+`",
        ] {
            assert_eq!(fault(root, &system()), None, "{root}");
        }
    }

    #[test]
    fn what_is_no_folder_of_its_own_on_a_disk_is_refused() {
        let long = format!(r"C:\{}", "x".repeat(200));
        for (root, expected) in [
            (r"\\server\share\Intigua", "network"),
            (r"\\?\C:\Intigua", "network"),
            (r"Intigua", "absolute"),
            (r"C:Intigua", "absolute"),
            (r"C:/Intigua", "absolute"),
            (r"\Intigua", "absolute"),
            ("", "absolute"),
            (r"C:", "whole drive"),
            (r"C:\", "whole drive"),
            (r"C:\a\\b", "within"),
            (r"C:\a\..\Windows", "dots and spaces"),
            (r"C:\a ", "dots and spaces"),
            (r"C:\a\NUL.txt", "device"),
            (r"C:\com1", "device"),
            (r"C:\COM²\x", "device"),
            (r"C:\a\conout$", "device"),
            (r"C:\ProgramData\INTIGUA", "results and logs"),
            (r"C:\ProgramData\Intigua\logs", "results and logs"),
            (r"C:\100%", "'%'"),
            ("C:\\a\tb", r"'\t'"),
            (r"C:\x|y", "'|'"),
            (&long, "longer"),
            (r"c:\WINDOWS\System32", "Windows itself"),
            (r"C:\windows", "Windows itself"),
            (r"c:\program files", "share"),
            (r"C:\ProgramData", "share"),
            (r"C:\Users", "share"),
        ] {
            let fault = fault(root, &system()).unwrap_or_default();
            assert!(fault.contains(expected), "{root}: {fault:?}");
        }
    }

    #[test]
    fn the_chain_goes_down_to_the_drive() {
        assert_eq!(chain(r"C:\a b\c"), [r"C:\a b\c", r"C:\a b", r"C:\"]);
        assert_eq!(chain(r"D:\x"), [r"D:\x", r"D:\"]);
        assert_eq!(chain(r"D:\"), [r"D:\"]);
    }
}
