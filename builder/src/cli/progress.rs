//! What a long build is at: lines every few seconds without a terminal, bars on one.

use super::line::say;
use crate::error::plain_line;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::mpsc::{channel, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Without anything else to read, a line comes after this long.
const SILENCE: Duration = Duration::from_secs(9);
const TICK: Duration = Duration::from_millis(500);
/// An estimate is worth nothing before.
const FIRST_ESTIMATE: Duration = Duration::from_secs(2);

/// A piece of work.
struct Task {
    name: String,
    /// 0 where it is not known.
    total: u64,
    done: u64,
    began: Instant,
    /// What it is at.
    piece: String,
    bar: Option<ProgressBar>,
}

/// All work that is going on.
struct State {
    tasks: Vec<Task>,
    /// When something was last printed.
    said: Instant,
    began: Instant,
}

/// Shows what is going on until it is dropped.
pub struct Progress {
    state: Arc<Mutex<State>>,
    bars: Option<MultiProgress>,
    /// Ends the thread that prints lines when it is dropped.
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// `terminal`: by bars, else by lines.
    pub fn new(terminal: bool) -> Self {
        let now = Instant::now();
        let state = Arc::new(Mutex::new(State { tasks: Vec::new(), said: now, began: now }));
        let bars = terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        let ticker = (!terminal).then(|| {
            let (end, ended) = channel();
            let state = state.clone();
            let tick = move || {
                while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    let mut state = lock(&state);
                    if state.said.elapsed() >= SILENCE {
                        say(&line(&state.tasks, state.began.elapsed()));
                        state.said = Instant::now();
                    }
                }
            };
            (end, std::thread::spawn(tick))
        });
        Progress { state, bars, ticker }
    }

    /// Prints a line between the bars.
    pub fn print(&self, line: &str) {
        lock(&self.state).said = Instant::now();
        match &self.bars {
            Some(bars) => bars.suspend(|| say(line)),
            None => say(line),
        }
    }

    /// A task begins.
    pub fn begin(&self, name: &str, total: u64) {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(if total == 0 { ProgressBar::no_length() } else { ProgressBar::new(total) });
            let template = match total {
                0 => "{spinner} {prefix} {bytes}{wide_msg}",
                _ => "{spinner} {prefix} [{bar:24}] {bytes}/{total_bytes}{wide_msg}",
            };
            bar.set_style(ProgressStyle::with_template(template).expect("the template is constant").progress_chars("=> "));
            bar.set_prefix(plain_line(name.to_owned()));
            bar.enable_steady_tick(TICK);
            bar
        });
        let task = Task { name: name.to_owned(), total, done: 0, began: Instant::now(), piece: String::new(), bar };
        lock(&self.state).tasks.push(task);
    }

    /// The task is at this piece.
    pub fn at(&self, name: &str, piece: &dyn std::fmt::Display) {
        self.with(name, |task| {
            task.piece = piece.to_string();
            if let Some(bar) = &task.bar {
                bar.set_message(plain_line(outlook(task, task.began.elapsed())));
            }
        });
    }

    /// So many bytes more are done.
    pub fn advance(&self, name: &str, bytes: u64) {
        self.with(name, |task| {
            task.done += bytes;
            if let Some(bar) = &task.bar {
                bar.set_position(task.done);
                bar.set_message(plain_line(outlook(task, task.began.elapsed())));
            }
        });
    }

    /// The task ended.
    pub fn end(&self, name: &str) {
        let mut state = lock(&self.state);
        let Some(at) = state.tasks.iter().position(|task| task.name == name) else { return };
        if let Some(bar) = state.tasks.remove(at).bar {
            bar.finish_and_clear();
        }
    }

    fn with(&self, name: &str, change: impl FnOnce(&mut Task)) {
        if let Some(task) = lock(&self.state).tasks.iter_mut().find(|task| task.name == name) {
            change(task);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.ticker.take() {
            drop(end);
            let _ = thread.join();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is going on, in one line.
fn line(tasks: &[Task], since: Duration) -> String {
    let each: Vec<String> = tasks.iter().map(|task| said(task, task.began.elapsed())).collect();
    match each.is_empty() {
        true => format!("progress: still at work after {}", span(since)),
        false => format!("progress: {}", each.join("; ")),
    }
}

fn said(task: &Task, since: Duration) -> String {
    let mut said = match task.total {
        0 => format!("{} {}", task.name, size(task.done)),
        total => format!("{} {} of {} ({}%)", task.name, size(task.done), size(total), task.done.min(total) * 100 / total),
    };
    said += &outlook(task, since);
    said
}

/// How long it may take, and what it is at.
fn outlook(task: &Task, since: Duration) -> String {
    let mut outlook = String::new();
    if task.done > 0 && task.done < task.total && since >= FIRST_ESTIMATE {
        let left = since.as_secs_f64() * (task.total - task.done) as f64 / task.done as f64;
        outlook += &format!(", about {} left", span(Duration::from_secs_f64(left)));
    }
    if !task.piece.is_empty() {
        outlook += &format!(", at {}", task.piece);
    }
    outlook
}

/// A size for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.2} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

/// A time for people.
pub fn span(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..120 => format!("{} s", time.as_secs()),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(name: &str, done: u64, total: u64, piece: &str) -> Task {
        Task { name: name.to_owned(), total, done, began: Instant::now(), piece: piece.to_owned(), bar: None }
    }

    #[test]
    fn a_line_says_what_is_waited_for_and_how_long_it_may_take() {
        let reading = task("read", 1 << 30, 4 << 30, "vAgentManager/data (xz)");
        assert_eq!(
            said(&reading, Duration::from_secs(20)),
            "read 1.00 GiB of 4.00 GiB (25%), about 60 s left, at vAgentManager/data (xz)"
        );
        // Too early to tell, and a task whose end is not known.
        assert_eq!(said(&task("read", 1, 100, ""), Duration::ZERO), "read 1 B of 100 B (1%)");
        assert_eq!(said(&task("a.deb", 3 << 20, 0, ""), Duration::from_secs(9)), "a.deb 3.0 MiB");
        assert_eq!(line(&[], Duration::from_secs(11)), "progress: still at work after 11 s");
    }

    #[test]
    fn times_and_sizes_are_short() {
        assert_eq!(span(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(span(Duration::from_secs(150)), "3 min");
        assert_eq!(size(1536), "1.5 KiB");
    }
}
