//! `linkctl logs`: the end of a log, and what is added to it.

use super::installed::logs as place;
use super::{code, refuse};
use native::{folder, places};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::thread::sleep;
use std::time::Duration;

/// More than this is never read for the last lines.
const MOST: u64 = 16 << 20;

struct Wanted {
    name: String,
    lines: usize,
    follow: bool,
}

/// Prints the last lines of a log.
pub fn logs(arguments: &[String]) -> i32 {
    let usage = "linkctl logs [NAME] [-f] [-n N]";
    let wanted = match wanted(arguments) {
        Ok(wanted) => wanted,
        Err(what) => return refuse(code::USAGE, &what, "the command line", usage),
    };
    let path = format!("{}\\{}.log", place(), wanted.name);
    match show(&path, &wanted) {
        Ok(()) => code::DONE,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let there: Vec<String> =
                folder::names(&place()).iter().filter_map(|name| name.strip_suffix(".log")).map(String::from).collect();
            refuse(
                code::FAILED,
                &format!("there is no log of {}", wanted.name),
                &place(),
                &format!("there are: {}", there.join(" ")),
            )
        }
        Err(error) => {
            refuse(code::FAILED, &format!("cannot read the log: {error}"), &path, "run it as an elevated administrator")
        }
    }
}

fn wanted(arguments: &[String]) -> Result<Wanted, String> {
    let mut wanted = Wanted { name: places::names().get("service").to_string(), lines: 100, follow: false };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-f" => wanted.follow = true,
            "-n" => wanted.lines = arguments.next().and_then(|n| n.parse().ok()).ok_or("-n needs a number")?,
            name if name.starts_with('-') || name.contains(|c| "/\\:".contains(c)) || name.contains("..") => {
                return Err(format!("unknown argument: {name}"));
            }
            name => wanted.name = name.to_string(),
        }
    }
    Ok(wanted)
}

fn show(path: &str, wanted: &Wanted) -> io::Result<()> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(MOST)))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let mut out = io::stdout();
    let mut print = |bytes: &[u8]| out.write_all(bytes).and_then(|()| out.flush());
    if print(last_lines(&text, wanted.lines)).is_err() || !wanted.follow {
        return Ok(());
    }
    loop {
        sleep(Duration::from_millis(500));
        text.clear();
        // A log that was begun anew is shorter.
        if file.metadata()?.len() < file.stream_position()? {
            file.rewind()?;
        }
        file.read_to_end(&mut text)?;
        if print(&text).is_err() {
            return Ok(());
        }
    }
}

fn last_lines(text: &[u8], lines: usize) -> &[u8] {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let breaks = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    match lines {
        0 => &[],
        _ => breaks.map(|(at, _)| at + 1).nth(lines - 1).and_then(|at| text.get(at..)).unwrap_or(text),
    }
}
