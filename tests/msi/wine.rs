//! A Windows of its own for a test: a Wine prefix, hard-linked from one made once for all tests.

use crate::msi::output;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PACKAGE: &str = "wine wine64";

/// A Wine prefix with a process in it that keeps services alive; stopped and removed when dropped.
pub struct Wine {
    prefix: tempfile::TempDir,
    keeper: Option<Child>,
}

impl Wine {
    /// A fresh Windows.
    pub fn new() -> Self {
        Wine::with_mounts("")
    }

    /// A fresh Windows in a mount namespace of its own, where a shell script in drive C has mounted something.
    pub fn with_mounts(script: &str) -> Self {
        let fixtures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../fixtures");
        let template = template(&fixtures);
        let prefix = tempfile::Builder::new().prefix("wine-").tempdir_in(&fixtures).unwrap();
        let copied =
            Command::new("cp").args(["--archive", "--link"]).arg(template.join(".")).arg(prefix.path()).status().unwrap();
        assert!(copied.success());
        // The server writes into a registry file that has other links, instead of making a new one.
        for registry in ["system.reg", "user.reg", "userdef.reg"] {
            let own = prefix.path().join(registry);
            fs::remove_file(&own).unwrap();
            fs::copy(template.join(registry), own).unwrap();
        }
        let mut wine = Wine { prefix, keeper: None };
        let mut keeper = wine.command("unshare");
        keeper.args(["--mount", "--propagation", "private", "sh", "-euc"]);
        keeper.arg(format!("{script}\ncd /\nexec wine cmd")).current_dir(wine.drive());
        let said = wine.prefix.path().join("keeper");
        keeper.stdin(Stdio::piped()).stdout(File::create(&said).unwrap()).stderr(Stdio::null());
        let keeper =
            wine.keeper.insert(keeper.spawn().unwrap_or_else(|error| panic!("unshare: {error} (apt-get install util-linux)")));
        keeper.stdin.as_mut().unwrap().write_all(b"echo ready\r\n").unwrap();
        // It alone starts the server, which has to see the mounts; a program that comes while the server starts gives up on it
        // after a few seconds.
        while !String::from_utf8_lossy(&fs::read(&said).unwrap()).contains("ready") {
            let ended = keeper.try_wait().unwrap();
            assert!(ended.is_none(), "{script}: {ended:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        wine
    }

    fn command(&self, program: &str) -> Command {
        let Some(keeper) = &self.keeper else { return in_prefix(program, self.prefix.path()) };
        let mut command = in_prefix("nsenter", self.prefix.path());
        command.args(["--target", &keeper.id().to_string(), "--mount", program]);
        command
    }

    /// Drive C.
    pub fn drive(&self) -> PathBuf {
        self.prefix.path().join("drive_c")
    }

    /// Installs, removes, repairs: msiexec's exit code, in the eight bits that Wine hands on.
    pub fn msiexec(&self, arguments: &[&str]) -> i32 {
        self.run(&[&["msiexec"], arguments, &["/qn"]].concat()).0
    }

    /// A registry value under HKEY_LOCAL_MACHINE; `None` where there is none.
    pub fn registry(&self, key: &str, value: &str) -> Option<String> {
        let (_, text) = self.run(&["reg", "query", &format!(r"HKLM\{key}"), "/v", value]);
        let line = text.lines().find(|line| line.trim_start().starts_with(value))?;
        Some(
            line.split_once("REG_SZ")
                .or_else(|| line.split_once("REG_EXPAND_SZ"))
                .or_else(|| line.split_once("REG_DWORD"))?
                .1
                .trim()
                .to_owned(),
        )
    }

    /// What a group policy writes for a setting; `None` takes it away.
    #[allow(dead_code)] // Some test programs have no policies.
    #[track_caller]
    pub fn policy(&self, setting: &str, value: Option<&str>) {
        const KEY: &str = r"HKLM\SOFTWARE\Policies\VMI\setup";
        let (code, said) = match value {
            Some(value) => self.run(&["reg", "add", KEY, "/v", setting, "/d", value, "/f"]),
            None => self.run(&["reg", "delete", KEY, "/v", setting, "/f"]),
        };
        assert_eq!(code, 0, "{said}");
    }

    /// Whether there is a key under HKEY_LOCAL_MACHINE.
    pub fn has_key(&self, key: &str) -> bool {
        self.run(&["reg", "query", &format!(r"HKLM\{key}")]).0 == 0
    }

    /// The services that run, by the name people see.
    pub fn running_services(&self) -> String {
        self.run(&["net", "start"]).1
    }

    /// Runs a Windows program: its exit code, in the eight bits that Wine hands on, and what it said.
    pub fn run(&self, arguments: &[&str]) -> (i32, String) {
        // Not into a pipe: Wine's own services inherit it and never close it.
        let said = tempfile::NamedTempFile::new_in(self.prefix.path()).unwrap();
        let mut command = self.command("wine");
        command.args(arguments).stdin(Stdio::null()).stdout(said.reopen().unwrap()).stderr(Stdio::null());
        let status = command.status().unwrap_or_else(|error| panic!("wine: {error} (apt-get install {PACKAGE})"));
        let text = fs::read(said.path()).unwrap();
        (status.code().unwrap(), String::from_utf8_lossy(&text).into_owned())
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        // The server of this prefix alone; it ends every process in it, the keeper among them.
        for stop in ["-k", "-w"] {
            let _ = in_prefix("wineserver", self.prefix.path()).arg(stop).status();
        }
        if let Some(mut keeper) = self.keeper.take() {
            let _ = keeper.kill();
            let _ = keeper.wait();
        }
    }
}

/// Waits until something holds: for so many seconds, and then shows what `said` tells.
#[track_caller]
pub fn until(seconds: u64, mut holds: impl FnMut() -> bool, said: impl Fn() -> String) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !holds() {
        assert!(Instant::now() < end, "waited in vain until {}", said());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn in_prefix(program: &str, prefix: &Path) -> Command {
    let mut command = Command::new(program);
    // No Mono and no Gecko: Wine would ask to download them.
    command
        .env("WINEPREFIX", prefix)
        .env("LC_ALL", "C.UTF-8")
        .env("WINEDEBUG", "-all")
        .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
        .env_remove("DISPLAY");
    command
}

/// The prefix that all others are linked from; made once, whoever comes first.
fn template(fixtures: &Path) -> PathBuf {
    fs::create_dir_all(fixtures).unwrap();
    let lock = File::create(fixtures.join("wine.lock")).unwrap();
    lock.lock().unwrap();
    let template = fixtures.join("windows");
    if !template.exists() {
        let making = fixtures.join("windows.new");
        let _ = fs::remove_dir_all(&making);
        fs::create_dir(&making).unwrap();
        let run = |program: &str, arguments: &[&str]| {
            let mut command = in_prefix(program, &making);
            let status = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
            assert!(status.unwrap_or_else(|error| panic!("{program}: {error} (apt-get install {PACKAGE})")).success());
        };
        run("wineboot", &["--init"]);
        // A service has ten seconds to say that it is there, unless Windows is told otherwise.
        let control = ["reg", "add", r"HKLM\System\CurrentControlSet\Control", "/v", "ServicesPipeTimeout"];
        run("wine", &[&control[..], &["/t", "REG_DWORD", "/d", "120000", "/f"]].concat());
        let ended = output(in_prefix("wineserver", &making).arg("-w"), PACKAGE);
        assert!(ended.status.success());
        assert!(making.join("system.reg").exists(), "wineboot made no registry (apt-get install {PACKAGE})");
        fs::rename(&making, &template).unwrap();
    }
    template
}
