//! The command line: a file a verb. The only place that prints.

mod arguments;
mod assemble;
mod build;
mod bytes;
mod cache;
mod epoch;
mod examples;
mod init;
mod inspect;
mod kit;
mod line;
mod lint;
mod plan;
mod preflight;
mod progress;
mod screen;
mod sign;
mod summary;
mod told;
mod verbs;
mod verify;

use crate::error::IoContext;
use clap::{CommandFactory, Parser};
use std::process::ExitCode;
use verbs::{Arguments, Verb};

/// Runs the command line of this process. Exit codes: 0 done, 1 refused or failed, 2 usage.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        // SAFETY: the handler only stores to an atomic, which is async-signal-safe.
        let registered = unsafe { signal_hook::low_level::register(signal, crate::interrupt::request) };
        if let Err(error) = registered {
            screen::say(&format!("warning: cannot watch for signal {signal}: {error}"));
        }
    }
    let (done, as_json) = match arguments.verb {
        Verb::Init(arguments) => (init::run(&arguments), arguments.json),
        Verb::Build(arguments) => return build::run(&arguments),
        Verb::Sign(arguments) => (sign::run(&arguments), arguments.json),
        Verb::Assemble(arguments) => (assemble::run(&arguments), arguments.json),
        Verb::Inspect(arguments) => return inspect::run(&arguments),
        Verb::Verify(arguments) => return verify::run(&arguments),
        Verb::Lint(arguments) => return lint::run(&arguments),
        Verb::Kit(arguments) => return kit::run(&arguments),
        Verb::Plan(arguments) => return plan::run(&arguments),
        Verb::Merge(arguments) => return plan::merge(&arguments),
        Verb::Cache(arguments) => return cache::run(&arguments),
        Verb::Preflight(arguments) => return preflight::run(&arguments),
        Verb::Schema { what } => (print(&told::schema(what)), false),
        Verb::Completions { shell } => (completions(shell), false),
        Verb::Man { out } => (man(out.as_deref()), false),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, as_json),
    }
}

/// Tells an error that ends a verb: to people, and as the verb's document where it has one.
fn failed(error: &crate::Error, as_json: bool) -> ExitCode {
    failed_after(error, as_json, Vec::new())
}

/// As [`failed`], after these warnings.
fn failed_after(error: &crate::Error, as_json: bool, warnings: Vec<String>) -> ExitCode {
    screen::error(error);
    if as_json {
        if let Err(error) = print(&told::json(&told::Failed { errors: told::Told::all(error), warnings })) {
            screen::error(&error);
        }
    }
    ExitCode::FAILURE
}

fn completions(shell: clap_complete::Shell) -> crate::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "linkpack", &mut script);
    print(&String::from_utf8_lossy(&script))
}

fn man(folder: Option<&std::path::Path>) -> crate::Result<()> {
    if let Some(folder) = folder {
        let made = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Arguments::command(), folder));
        return made.or_cannot("write manual pages into", folder);
    }
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(Arguments::command()).render(&mut page);
    rendered.map_err(|error| crate::Error::new(format!("cannot make the manual page: {error}")))?;
    print(&String::from_utf8_lossy(&page))
}

/// Prints what a verb found, and says by the exit code whether anything `failed`.
fn conclude(shown: &str, mut failed: bool) -> ExitCode {
    if let Err(error) = print(shown) {
        screen::error(&error);
        failed = true;
    }
    match failed {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// Prints text for people as [`conclude`] does, in colours on a terminal.
fn conclude_text(shown: &str, failed: bool) -> ExitCode {
    conclude(&screen::coloured(shown), failed)
}

/// As many threads as there are processors.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Puts text on stdout.
fn print(text: &str) -> crate::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // The reader, `head` for instance, has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done.map_err(|error| crate::Error::new(format!("cannot write to standard output: {error}"))),
    }
}
