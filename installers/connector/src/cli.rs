//! Arguments in, exit code out.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::launch::Layout;
use crate::{check, connector, core_check, platform};
use contract::names::Names;

const DONE: i32 = 0;
const FAILED: i32 = 1;
const USAGE: i32 = 2;

/// `{run}`, `{log}` and `{signals}` are the system's; names are the default ones, which a product may have changed (bin/names).
const HELP: &str = "\
vlink keeps the containers of one install root running.

Usage:
  vlink run --root DIR [--run-dir DIR] [--log-dir DIR]    run in the foreground, or as the service that was started
  vlink check --root DIR                                  say what is wrong with the configuration
  vlink check-core --root DIR [--once]                    try to reach the core server, or the proxy on the way to it
  vlink --version
  vlink --help

Options:
  --root DIR       the install root (holds components/ and {containers}/)
  --run-dir DIR    where vlink.pid, vlink.lock and status go    [{run}]
  --log-dir DIR    where vlink.log and <container>.log go       [{log}]
  --once           one try each; else until timeouts.checkSeconds is over, with the pauses of retry.* (csclient.cfg)

The connector's own log goes to vlink.log where it runs as a service, else to stderr.

Signals: {signals}.
Exit codes: 0 done, 1 failed or something is wrong, 2 usage.
";

/// The version this binary was built as: `VLINK_VERSION` of the build, else cargo's.
pub const VERSION: &str = match option_env!("VLINK_VERSION") {
    Some(version) => version,
    None => match option_env!("CARGO_PKG_VERSION") {
        Some(version) => version,
        None => "0",
    },
};

enum Command {
    Run(Layout),
    Check(Layout),
    CheckCore(Layout, bool),
    Version,
    Help,
}

/// Runs the command line without the program's name and returns the exit code.
pub fn main(arguments: Vec<OsString>) -> i32 {
    match parse(arguments) {
        Err(message) => {
            eprintln!("vlink: {message}\nTry 'vlink --help'.");
            USAGE
        }
        Ok(Command::Help) => {
            let names = Names::default();
            let [run_dir, log_dir] = platform::places(&names);
            let help = HELP.replace("{run}", &run_dir).replace("{log}", &log_dir).replace("{signals}", platform::CONTROLS);
            print!("{}", help.replace("{containers}", names.get("containers-folder")));
            DONE
        }
        Ok(Command::Version) => {
            println!("vlink {VERSION}");
            DONE
        }
        Ok(Command::Check(layout)) => report(&layout),
        Ok(Command::CheckCore(layout, once)) => match core_check::check(&layout, once) {
            Ok(()) => DONE,
            Err(why) => {
                println!("problem: {why}");
                FAILED
            }
        },
        Ok(Command::Run(layout)) => match platform::serve(&layout, connector::run) {
            Ok(()) => DONE,
            Err(message) => {
                crate::log::last_line(&message);
                FAILED
            }
        },
    }
}

fn report(layout: &Layout) -> i32 {
    let report = check::check(layout);
    for line in &report.lines {
        println!("{line}");
    }
    for problem in &report.problems {
        println!("problem: {problem}");
    }
    if report.problems.is_empty() {
        DONE
    } else {
        FAILED
    }
}

fn parse(arguments: Vec<OsString>) -> Result<Command, String> {
    let mut arguments = arguments.into_iter();
    let verb = arguments.next().ok_or("say what to do: run, check or check-core")?;
    match verb.to_str() {
        Some("run") => Ok(Command::Run(layout(arguments, true)?)),
        Some("check") => Ok(Command::Check(layout(arguments, false)?)),
        Some("check-core") => {
            let (once, others): (Vec<OsString>, Vec<OsString>) = arguments.partition(|argument| argument == "--once");
            Ok(Command::CheckCore(layout(others.into_iter(), false)?, !once.is_empty()))
        }
        Some("--version") | Some("-V") => Ok(Command::Version),
        Some("--help") | Some("-h") => Ok(Command::Help),
        _ => Err(format!("unknown command '{}'", verb.to_string_lossy())),
    }
}

fn layout(mut arguments: impl Iterator<Item = OsString>, directories: bool) -> Result<Layout, String> {
    let (mut root, mut run_dir, mut log_dir) = (None, None, None);
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy().into_owned();
        let (name, joined) = match text.split_once('=') {
            Some((name, value)) => (name.to_string(), Some(PathBuf::from(value))),
            None => (text, None),
        };
        let known = name == "--root" || (directories && (name == "--run-dir" || name == "--log-dir"));
        if !known {
            return Err(format!("unknown option '{name}'"));
        }
        let value = joined.or_else(|| arguments.next().map(PathBuf::from)).ok_or_else(|| format!("{name} needs a directory"))?;
        if !value.is_absolute() {
            return Err(format!("{name} needs an absolute path, not '{}'", value.display()));
        }
        // Windows Installer's directories end in a backslash, which is why its services are given `"ROOT\\."`.
        let value: PathBuf = value.components().collect();
        match name.as_str() {
            "--run-dir" => run_dir = Some(value),
            "--log-dir" => log_dir = Some(value),
            _ => root = Some(value),
        }
    }
    let layout = Layout::new(root.ok_or("--root DIR is missing")?);
    Ok(Layout { run_dir: run_dir.unwrap_or(layout.run_dir), log_dir: log_dir.unwrap_or(layout.log_dir), ..layout })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn a_relative_or_missing_root_is_a_usage_error() {
        assert!(parse(words("run")).is_err());
        assert!(parse(words("run --root some/dir")).is_err());
        assert!(parse(words("run --root")).is_err());
        assert!(parse(words("check --root /r --run-dir /x")).is_err());
        assert!(parse(words("")).is_err());
    }

    #[test]
    fn once_may_stand_anywhere_and_belongs_to_check_core() {
        for line in ["check-core --once --root /r", "check-core --root /r --once", "check-core --root=/r --once"] {
            assert!(matches!(parse(words(line)), Ok(Command::CheckCore(_, true))), "{line}");
        }
        assert!(matches!(parse(words("check-core --root /r")), Ok(Command::CheckCore(_, false))));
        assert!(parse(words("check --root /r --once")).is_err());
    }

    #[test]
    fn options_may_be_joined_or_apart() {
        match parse(words("run --root=/a --log-dir /b")) {
            Ok(Command::Run(layout)) => {
                assert_eq!(layout.root, PathBuf::from("/a"));
                assert_eq!(layout.log_dir, PathBuf::from("/b"));
                assert_eq!(layout.run_dir, PathBuf::from("/var/run/intigua"));
            }
            _ => panic!("not parsed as run"),
        }
    }
}
