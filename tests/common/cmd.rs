//! Running a command, and judging how it went.
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// No command of a test may hold a CI run up for longer.
const LIMIT_SECONDS: u32 = 300;

/// Panics with the name of the apt package unless `tool` is in PATH.
pub fn need(tool: &str, package: &str) {
    let found = std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|d| d.join(tool).is_file()))
        || ["/usr/sbin", "/sbin"].iter().any(|d| Path::new(d).join(tool).is_file());
    assert!(found, "{tool} is not installed; run: apt-get install {package}   (scripts/test does it)");
}

/// A command on this machine, with the test's own environment.
pub fn cmd(program: impl Into<OsString>) -> Cmd {
    Cmd::new(Vec::new(), program.into(), false)
}

/// A command to be run. Its standard input is empty unless given; it has 300 s.
#[derive(Clone, Debug)]
#[must_use = "a command does nothing until run()"]
pub struct Cmd {
    enter: Vec<OsString>,
    argv: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    clean: bool,
    dir: Option<OsString>,
    stdin: Vec<u8>,
    limit: u32,
}

impl Cmd {
    /// `enter` is the command line that leads to where the program runs; `clean` starts it with an empty environment.
    pub(super) fn new(enter: Vec<OsString>, program: OsString, clean: bool) -> Cmd {
        Cmd { enter, argv: vec![program], env: Vec::new(), clean, dir: None, stdin: Vec::new(), limit: LIMIT_SECONDS }
    }

    pub fn arg(mut self, arg: impl Into<OsString>) -> Cmd {
        self.argv.push(arg.into());
        self
    }

    pub fn args<T: Into<OsString>>(mut self, args: impl IntoIterator<Item = T>) -> Cmd {
        self.argv.extend(args.into_iter().map(Into::into));
        self
    }

    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Cmd {
        self.env.push((key.into(), value.into()));
        self
    }

    /// Starts the program with no environment at all, as `env -i` does (its own path must then be absolute or in the default PATH).
    pub fn no_env(mut self) -> Cmd {
        self.env.clear();
        self.clean = true;
        self
    }

    /// The working directory, as seen from where the command runs.
    pub fn dir(mut self, dir: impl Into<OsString>) -> Cmd {
        self.dir = Some(dir.into());
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Cmd {
        self.stdin = bytes.into();
        self
    }

    /// Seconds after which the command is killed and the test fails.
    pub fn limit(mut self, seconds: u32) -> Cmd {
        self.limit = seconds;
        self
    }

    /// The whole command line, from the outermost wrapper inwards.
    fn line(&self) -> Vec<OsString> {
        let mut line: Vec<OsString> = ["timeout", "--kill-after=5"].map(Into::into).to_vec();
        line.push(self.limit.to_string().into());
        line.extend(self.enter.iter().cloned());
        line.push("env".into());
        if let Some(dir) = &self.dir {
            line.extend(["-C".into(), dir.clone()]);
        }
        if self.clean {
            line.push("-i".into());
        }
        for (key, value) in &self.env {
            let mut pair = key.clone();
            pair.push("=");
            pair.push(value);
            line.push(pair);
        }
        line.extend(self.argv.iter().cloned());
        line
    }

    /// Runs it to its end. Output goes through files, so a daemon that keeps them open does not hang the test.
    #[must_use = "say what is expected: ok(), exits(code), fails()"]
    pub fn run(&self) -> Output {
        let line = self.line();
        let (mut out, mut err, mut input) = (unnamed_file(), unnamed_file(), unnamed_file());
        input.write_all(&self.stdin).and_then(|()| input.rewind()).expect("write the command's input");
        let share = |file: &File| Stdio::from(file.try_clone().expect("share a file"));
        let status = Command::new(&line[0])
            .args(&line[1..])
            .stdin(share(&input))
            .stdout(share(&out))
            .stderr(share(&err))
            .status()
            .unwrap_or_else(|e| panic!("cannot run {line:?}: {e}"));
        let output = Output { command: shown(&self.argv), code: status.code(), stdout: rest(&mut out), stderr: rest(&mut err) };
        assert!(status.code() != Some(124), "no end after {} s: {output}", self.limit);
        output
    }
}

fn shown(argv: &[OsString]) -> String {
    argv.iter().map(|a| a.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn unnamed_file() -> File {
    tempfile::tempfile().expect("make a temporary file")
}

fn rest(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("read a command's output");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How a command went. The judging methods panic with everything it said, and return it for the next judgement.
#[derive(Clone, Debug)]
pub struct Output {
    command: String,
    /// The exit status; None if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    #[track_caller]
    pub fn ok(self) -> Output {
        self.exits(0)
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Output {
        assert!(self.code == Some(code), "expected exit status {code}: {self}");
        self
    }

    #[track_caller]
    pub fn fails(self) -> Output {
        assert!(self.code != Some(0), "expected a failure: {self}");
        self
    }

    /// `text` is somewhere in what it wrote, on stdout or stderr.
    #[track_caller]
    pub fn says(self, text: &str) -> Output {
        assert!(self.stdout.contains(text) || self.stderr.contains(text), "expected {text:?}: {self}");
        self
    }

    #[track_caller]
    pub fn never_says(self, text: &str) -> Output {
        assert!(!self.stdout.contains(text) && !self.stderr.contains(text), "did not expect {text:?}: {self}");
        self
    }

    /// stdout without the white space around it.
    pub fn line(&self) -> &str {
        self.stdout.trim()
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Output { command, code, stdout, stderr } = self;
        write!(f, "{command}\n-- exit status: {code:?}\n-- stdout:\n{stdout}\n-- stderr:\n{stderr}")
    }
}
