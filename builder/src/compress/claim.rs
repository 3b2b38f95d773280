//! Who compresses a unit: two builders that start with an empty cache share the work instead of doing all of it twice.
//!
//! A claim is a file that only one of them can create. It needs nothing of the file system but that, so it works on network folders. It
//! is advice: a claim that is lost, planted or taken over by two at once costs time and never a wrong byte.

use super::unit_file::open_plain;
use crate::error::Result;
use crate::interrupt;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// What names of claims begin with; the unit's follows.
pub(super) const PREFIX: &str = ".claim-";
/// How long a claim of a builder that cannot be looked at counts, from when it was first seen: several times what a unit takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Somebody whose claims keep ending like that is not waited for any more.
const MOST_EXPIRED: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of a claim.
const LONGEST: u64 = 1024;

/// A builder's right to compress a unit; gone on drop.
#[derive(Debug)]
pub(super) struct Claim(PathBuf);

impl Drop for Claim {
    fn drop(&mut self) {
        // One that cannot be removed is known by its process, and else expires.
        let _ = fs::remove_file(&self.0);
    }
}

/// Claims of one builder.
#[derive(Debug)]
pub(super) struct Claims {
    said: String,
    patience: Duration,
    expired: AtomicU32,
}

/// Who claims: processes of one `world` (a boot and a process namespace) can see each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claimant {
    pid: u32,
    /// When the process started, in ticks since the boot: a pid comes back, the two together do not.
    started: u64,
    world: String,
    pub host: String,
}

impl Claimant {
    fn me() -> Claimant {
        let read = |path| fs::read_to_string(path).unwrap_or_default().trim().replace(char::is_whitespace, "-");
        let namespace = fs::read_link("/proc/self/ns/pid").map_or_else(|_| String::new(), |link| link.display().to_string());
        let pid = std::process::id();
        Claimant {
            pid,
            started: started(pid).unwrap_or(0),
            world: format!("{}/{namespace}", read("/proc/sys/kernel/random/boot_id")),
            host: read("/proc/sys/kernel/hostname"),
        }
    }

    fn text(&self) -> String {
        format!("linkpack-claim {} {} {} {}\n", self.pid, self.started, self.world, self.host)
    }

    pub fn parse(text: &str) -> Option<Claimant> {
        let mut words = text.strip_suffix('\n')?.split(' ');
        (words.next() == Some("linkpack-claim")).then_some(())?;
        let (pid, started) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Claimant { pid, started, world: words.next()?.to_owned(), host: words.next()?.to_owned() })
    }

    /// Whether the process is gone; `None` where it cannot be looked at.
    fn is_gone(&self, me: &Claimant) -> Option<bool> {
        let visible = self.world == me.world && self.started != 0 && !me.world.starts_with('/');
        visible.then(|| started(self.pid) != Some(self.started))
    }
}

/// When a process started, in ticks since the boot (proc(5), field 22 of stat); `None` of one that is not there.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    stat[stat.rfind(')')? + 2..].split(' ').nth(19)?.parse().ok()
}

/// A claim of somebody else that is being waited for.
struct Waiting {
    seen: Option<(String, Instant)>,
    pause: Duration,
}

impl Claims {
    pub fn new() -> Claims {
        Claims { said: Claimant::me().text(), patience: PATIENCE, expired: AtomicU32::new(0) }
    }

    /// Waits until the claim is ours, doing other jobs of the pool meanwhile; `None` where no claim can be made, which the writing of
    /// the unit will say better.
    ///
    /// # Errors
    /// An interrupt.
    pub fn wait(&self, path: &Path, make_folder: &dyn Fn() -> std::io::Result<()>) -> Result<Option<Claim>> {
        let mut waiting = Waiting { seen: None, pause: FIRST_PAUSE };
        loop {
            match self.take(path) {
                Ok(claim) => return Ok(Some(claim)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == ErrorKind::NotFound => match make_folder() {
                    Ok(()) => continue,
                    Err(_) => return Ok(None),
                },
                Err(_) => return Ok(None),
            }
            interrupt::check()?;
            if self.is_over(path, &mut waiting) {
                // Somebody else who finds the same may remove the claim that we make next: then both compress.
                match fs::remove_file(path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Ok(None),
                    _ => continue,
                }
            }
            if rayon::yield_now() != Some(rayon::Yield::Executed) {
                std::thread::sleep(waiting.pause);
                waiting.pause = (waiting.pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    fn take(&self, path: &Path) -> std::io::Result<Claim> {
        let mut file = File::options().write(true).create_new(true).open(path)?;
        let claim = Claim(path.to_path_buf());
        file.write_all(self.said.as_bytes())?;
        Ok(claim)
    }

    /// Whether the process of a claim is gone, or was waited for long enough.
    fn is_over(&self, path: &Path, waiting: &mut Waiting) -> bool {
        let text = read(path);
        let gone = match (text.as_deref().and_then(Claimant::parse), Claimant::parse(&self.said)) {
            (Some(them), Some(me)) => them.is_gone(&me).unwrap_or(false),
            _ => false,
        };
        if gone {
            return true;
        }
        let text = text.unwrap_or_default();
        let since = match &waiting.seen {
            Some((seen, since)) if *seen == text => *since,
            _ => {
                let now = Instant::now();
                waiting.seen = Some((text, now));
                now
            }
        };
        if self.expired.load(Ordering::Relaxed) >= MOST_EXPIRED {
            return true;
        }
        let over = since.elapsed() >= self.patience;
        self.expired.fetch_add(u32::from(over), Ordering::Relaxed);
        over
    }
}

/// What a claim says; `None` where it is gone or no claim.
pub(super) fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    open_plain(path).ok()?.0.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(patience: Duration) -> Claims {
        Claims { patience, ..Claims::new() }
    }

    fn wait(claims: &Claims, path: &Path) -> Option<Claim> {
        claims.wait(path, &|| Ok(())).unwrap()
    }

    #[test]
    fn a_living_builders_claim_is_waited_for_until_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".claim-x");
        let (one, two) = (claims(PATIENCE), claims(PATIENCE));
        let first = wait(&one, &path).unwrap();
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| wait(&two, &path).is_some());
            std::thread::sleep(Duration::from_millis(150));
            assert!(!second.is_finished());
            drop(first);
            assert!(second.join().unwrap());
        });
        assert!(begun.elapsed() < PATIENCE);
        assert!(!path.exists());
    }

    #[test]
    fn a_killed_builders_claim_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".claim-x");
        let me = Claimant::me();
        let dead = [Claimant { started: me.started + 1, ..me.clone() }, Claimant { pid: i32::MAX as u32, ..me }];
        for dead in dead {
            fs::write(&path, dead.text()).unwrap();
            let begun = Instant::now();
            assert!(wait(&claims(PATIENCE), &path).is_some());
            assert!(begun.elapsed() < Duration::from_secs(5));
        }
    }

    #[test]
    fn a_claim_that_nobody_can_look_at_expires() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".claim-x");
        let elsewhere = Claimant { world: "boot/pid:[1]".to_owned(), host: "other".to_owned(), ..Claimant::me() };
        let patience = Duration::from_millis(120);
        let claims = claims(patience);
        for (at, text) in [elsewhere.text().as_str(), "", "no claim\n", "x"].into_iter().enumerate() {
            fs::write(&path, text).unwrap();
            let begun = Instant::now();
            assert!(wait(&claims, &path).is_some(), "{text:?}");
            // After the third it is known that nobody is there.
            assert_eq!(begun.elapsed() >= patience, at < 3, "{text:?}");
        }
    }

    #[test]
    fn a_claim_says_who_made_it() {
        let me = Claimant::me();
        assert_eq!(Claimant::parse(&me.text()), Some(me.clone()));
        assert_eq!(me.is_gone(&me), Some(false));
        for text in ["", "linkpack-claim 1 2 3\n", "linkpack-claim x 2 3 4\n", "linkpack-claim 1 2 3 4"] {
            assert_eq!(Claimant::parse(text), None, "{text:?}");
        }
    }
}
