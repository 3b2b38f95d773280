//! linkctl.exe: the administrator's door to an installed connector (docs/windows.md), with the words, shapes and exit codes of the
//! linkctl that Linux has.

mod check;
mod core;
mod installed;
mod logs;
mod monitor;
mod remove;
mod seal;
mod status;

use contract::exit_codes as code;
use installed::Installed;
use native::service::Service;
use native::{places, token};
use std::io::Write;
use std::time::Duration;

const USAGE: &str = "\
usage: linkctl VERB [OPTION]
  status [--json]             the connector and its containers; exit code 3 when it does not run
  status --nagios             one line for Nagios and its kin; exit code 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN
  status --prometheus FILE    writes FILE, for the textfile collector of windows_exporter
  start | stop | restart      the service
  check [--core] [--json]     is everything in place? exit code 1 when not; with --core also when the core server cannot be reached
  containers [--json]         the containers and how they are
  logs [NAME] [-f] [-n N]     a log: the connector's, or that of a container
  seal [--json]               remove identity, certificates, queues and logs: the machine becomes a template
  uninstall                   remove everything
  --help, --version";

/// A connector takes 10 s to stop its containers; a busy machine more.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    std::process::exit(run(std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect()));
}

/// Runs the command line without the program's name.
fn run(arguments: Vec<String>) -> i32 {
    installed::adopt_names();
    let mut arguments = arguments.into_iter();
    let verb = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match verb.as_str() {
        "" => {
            say(USAGE);
            return code::USAGE;
        }
        "help" | "--help" | "-h" => {
            say(USAGE);
            return code::DONE;
        }
        "--version" => {
            say(&Installed::find().map_or(VERSION.to_string(), |found| format!("{} {}", found.product, found.version)));
            return code::DONE;
        }
        _ => {}
    }
    let nagios = rest.iter().any(|argument| argument == "--nagios");
    if nagios && (verb != "status" || rest.len() > 1) {
        return monitor::unknown("--nagios stands alone behind status");
    }
    if !VERBS.contains(&verb.as_str()) {
        return refuse(code::USAGE, &format!("unknown verb: {verb}"), "the command line", "see linkctl --help");
    }
    let as_json = rest.iter().any(|argument| argument == "--json");
    let prometheus = match (verb.as_str(), rest.as_slice()) {
        ("status", [option, file]) if option == "--prometheus" => Some(file.clone()),
        ("status", [option]) => option.strip_prefix("--prometheus=").map(String::from),
        _ => None,
    };
    let core = verb == "check" && rest.iter().any(|argument| argument == "--core");
    let other = |argument: &&String| !nagios && prometheus.is_none() && *argument != "--json" && !(core && *argument == "--core");
    let unknown = rest.iter().find(other).filter(|_| verb != "logs");
    if let Some(unknown) = unknown {
        return refuse(code::USAGE, &format!("unknown argument: {unknown}"), "the command line", "see linkctl --help");
    }
    let installed = match Installed::find() {
        Some(installed) => installed,
        None if nagios => return monitor::unknown("nothing is installed here"),
        None => {
            let place = format!(r"HKLM\{} is missing", places::place("setup-key"));
            return refuse(code::FAILED, "nothing is installed here", &place, "install a package of the product");
        }
    };
    match verb.as_str() {
        "status" if nagios => monitor::nagios(&installed),
        "status" if prometheus.is_some() => monitor::prometheus(&installed, &prometheus.unwrap_or_default()),
        "status" => status::status(&installed, as_json),
        "containers" => status::containers(&installed, as_json),
        "check" => check::check(&installed, as_json, core),
        "logs" => logs::logs(&rest),
        _ if token::privileged().is_none() => {
            let what = "this must run as an elevated administrator";
            refuse(
                code::PRIVILEGES,
                what,
                "the account that runs linkctl",
                "open the command prompt with \"Run as administrator\"",
            )
        }
        "start" => start(),
        "stop" => stop(),
        "restart" => match stop() {
            code::DONE => start(),
            failed => failed,
        },
        "seal" => seal::seal(&installed, as_json),
        _ => remove::uninstall(&installed),
    }
}

const VERBS: [&str; 9] = ["status", "start", "stop", "restart", "check", "containers", "logs", "seal", "uninstall"];

/// What is printed where nothing is installed.
const VERSION: &str = match option_env!("VLINK_VERSION") {
    Some(version) => version,
    None => "0",
};

fn start() -> i32 {
    let up = Service::control(&places::service())
        .and_then(|service| service.start().map(|()| service))
        .map_err(|error| error.to_string())
        .and_then(|service| service.came_up());
    match up {
        Ok(()) => code::DONE,
        Err(why) => {
            let place = format!("{}: {why}", installed::logs());
            refuse(code::NOT_STARTED, &format!("{} did not come up", places::service()), &place, "see linkctl logs")
        }
    }
}

fn stop() -> i32 {
    match Service::control(&places::service()).and_then(|service| service.stop(PATIENCE)) {
        Ok(()) => code::DONE,
        Err(error) => {
            refuse(code::FAILED, &format!("{} does not stop", places::service()), &error.to_string(), "see linkctl logs")
        }
    }
}

/// Prints a line; a reader that has gone is no error.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a failure and gives its code back.
fn refuse(code: i32, what: &str, place: &str, next: &str) -> i32 {
    let mut text = format!("error: {what}\n");
    for (label, line) in [("note", place), ("help", next)] {
        if !line.is_empty() {
            text += &format!("  {label}: {line}\n");
        }
    }
    let _ = std::io::stderr().write_all(text.as_bytes());
    code
}
