//! `linkctl uninstall`: Windows Installer does it, quietly.

use super::installed::Installed;
use super::{code, refuse};
use native::{folder, machine, places};
use std::process::{Command, Stdio};

/// What msiexec ends with where the product is gone, and the machine is to be restarted for something else.
const GONE: [i32; 3] = [code::DONE, 3010, 1641];

/// Removes the product and hands on msiexec's exit code.
pub fn uninstall(installed: &Installed) -> i32 {
    let product = match &installed.product_code {
        Some(product) => product,
        None => {
            let what = "Windows Installer knows no product in this root";
            return refuse(code::FAILED, what, &installed.root, "uninstall it in the way it was installed");
        }
    };
    let program = places::windows() + r"\System32\msiexec.exe";
    let mut command = Command::new(&program);
    // From elsewhere: a folder that is somebody's current one cannot be removed.
    command.current_dir(places::windows()).args(["/x", product, "/qn", "/norestart"]).stdin(Stdio::null());
    let aside = Aside::of_this_program(&installed.root);
    let ended = command.status().map(|status| status.code().unwrap_or(code::FAILED));
    if let Some(aside) = aside {
        match ended.as_ref().map_or(false, |ended| GONE.contains(ended)) {
            true => aside.drop(),
            false => aside.undo(),
        }
    }
    match ended {
        Ok(code::DONE) => code::DONE,
        Ok(failed) => refuse(
            failed,
            &format!("msiexec ended with {failed}"),
            &format!("{program} /x {product} /qn"),
            "see its log: add /l*v FILE",
        ),
        Err(error) => refuse(code::FAILED, &format!("cannot run msiexec: {error}"), &program, "repair Windows Installer"),
    }
}

/// This program where it is in nobody's way: a file that runs can be renamed on its drive, not removed, and Windows Installer would ask
/// for a restart to remove it.
struct Aside {
    home: String,
    now: String,
}

impl Aside {
    /// Moves this program out of its root; nothing where it runs from elsewhere, or cannot be moved.
    fn of_this_program(root: &str) -> Option<Aside> {
        let home = format!("{}\\bin\\linkctl.exe", root);
        let program = std::env::current_exe().ok()?;
        let here = program.to_str()?.trim_start_matches(r"\\?\");
        if !here.eq_ignore_ascii_case(&home) {
            return None;
        }
        let (above, _) = root.rsplit_once('\\')?;
        // Users may make files in the first, and change nothing of this one, which keeps its permissions.
        let places = [places::windows() + r"\Temp", above.to_string()];
        places.iter().find_map(|place| {
            let now = format!("{}\\linkctl-{}.exe", place, machine::random());
            let moved = folder::kind(&now) == folder::Kind::Missing && folder::rename(&home, &now).is_ok();
            moved.then(|| Aside { home: home.clone(), now })
        })
    }

    /// Back, where the product is still there.
    fn undo(self) {
        // What a repair or rollback has put there meanwhile is as good.
        if folder::kind(&self.home) != folder::Kind::Missing || folder::rename(&self.now, &self.home).is_err() {
            self.drop();
        }
    }

    /// Away; at the next start of Windows where that runs its programs to their ends first.
    fn drop(self) {
        if folder::remove(&self.now).is_err() {
            folder::remove_at_restart(&self.now);
        }
    }
}
