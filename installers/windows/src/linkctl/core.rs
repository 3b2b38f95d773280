//! The way to the core server, tried by the connector itself: what the manifest calls core-check, in bin\\core-check, an argument a line.
//! As on Linux (installers/linux/core.sh) it counts with --core only: closed sites have no such way.

use super::installed::Installed;
use super::{code, say};
use native::report::{failed, Outcome, Report};
use native::token;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};
use std::{fs, io};

/// Without --core it may take a moment only; with it as long as the settings say, which is a day at most.
const MOMENT: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(86_400 + 60);
const STEP: Duration = Duration::from_millis(50);

/// Adds the check `core`; `counts` is --core.
pub fn check(installed: &Installed, program: Option<&str>, counts: bool, as_json: bool, report: &mut Report) {
    let arguments = arguments(installed);
    let may = token::privileged().is_some();
    if !counts && arguments.is_empty() {
        return;
    }
    let tried = match (program, may) {
        _ if arguments.is_empty() => Err("the connector has no check of its own (core-check of the manifest)".to_string()),
        (None, _) => Err("the service has no program".to_string()),
        // csclient.cfg is for SYSTEM and the administrators.
        (_, false) => Err("tried by an elevated administrator only".to_string()),
        (Some(program), true) => said(program, &arguments, counts),
    };
    let outcome = match tried {
        Ok(line) => Outcome::Passed(line),
        Err(why) if counts => failed(
            format!("the core server: {why}"),
            "see name service, routes, firewalls and the proxy; SERVER_URL and PROXY_URL of the MSI, or the group policy, change the way",
        ),
        Err(why) => {
            if may && !as_json {
                say(&format!("note: the core server: {why} (counts with --core only)"));
            }
            Outcome::Passed(format!("not reached: {why} (counts with --core only)"))
        }
    };
    report.note("core", code::NOT_IN_PLACE, &installed.config_file(), outcome);
}

/// What the connector is called with; nothing where it has no such try.
fn arguments(installed: &Installed) -> Vec<String> {
    let text = fs::read_to_string(format!("{}\\bin\\core-check", installed.root)).unwrap_or_default();
    text.lines().filter(|line| !line.is_empty()).map(|line| line.replace("{root}", &installed.root)).collect()
}

/// The last line that the connector's try says; an error where it was in vain.
fn said(program: &str, arguments: &[String], counts: bool) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments).args(if counts { &[][..] } else { &["--once"] });
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let ended = command.spawn().and_then(|child| ended(child, if counts { LONGEST } else { MOMENT }));
    let (code, text) = ended.map_err(|error| format!("{program} cannot be run: {error}"))?;
    let line = text.lines().map(str::trim).filter(|line| !line.is_empty()).last().unwrap_or("").to_string();
    let line = line.trim_start_matches("core: ").trim_start_matches("problem: ").to_string();
    match (code, line.is_empty()) {
        (Some(0), _) => Ok(line),
        (None, _) => Err("no answer in time".to_string()),
        (Some(code), true) => Err(format!("the connector's check ended with {code}")),
        _ => Err(line),
    }
}

/// The exit code and what was said; no code where it had to be ended.
fn ended(mut child: Child, patience: Duration) -> io::Result<(Option<i32>, String)> {
    let mut out = child.stdout.take();
    let reader = spawn(move || {
        let mut bytes = Vec::new();
        if let Some(out) = out.as_mut() {
            let _ = out.take(1 << 20).read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let end = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status.code(), reader.join().unwrap_or_default()));
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok((None, String::new()));
        }
        sleep(STEP);
    }
}
