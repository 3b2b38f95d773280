//! Logs that stay within a size. Containers hold theirs open, so a log is copied to `LOG.1` and emptied, not renamed.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::directory::{open_plain, refuse_second_name, Directory};
use super::files::create_log;
use crate::log;

/// What a container may write while its log is copied; more is lost with what is cut off.
const MEANWHILE: u64 = 1 << 20;

/// Cuts a log back that is larger than `limit` bytes. Its newest part, at most `limit`, is then in `LOG.1`.
pub fn bound(path: &Path, limit: u64) -> io::Result<()> {
    let (directory, name) = Directory::of(path)?;
    let at = directory.at(name);
    if std::fs::symlink_metadata(&at)?.len() <= limit {
        return Ok(());
    }
    let mut log = open_plain(&at, OpenOptions::new().read(true).append(true))?;
    refuse_second_name(&log)?;
    let start = log.metadata()?.len().saturating_sub(limit);
    let mut older = name.as_os_str().to_os_string();
    older.push(".1");
    let kept = log.seek(SeekFrom::Start(start)).and_then(|_| {
        let copied = (&log).take(limit + MEANWHILE);
        keep(copied, &directory.at(Path::new(&older)))
    });
    // Bounded it is in any case: a full disk is when that matters most.
    log.set_len(0)?;
    if let Err(error) = kept {
        let note = format!("{}.1 cannot be written ({error}): what stood here before is lost", path.display());
        log.write_all(log::stamped(&note).as_bytes())?;
    }
    Ok(())
}

fn keep(mut from: impl Read, older: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o640);
    let mut file = match open_plain(older, &mut options) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create_log(older, &mut options)?,
        other => other?,
    };
    refuse_second_name(&file)?;
    file.set_len(0)?;
    io::copy(&mut from, &mut file).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{symlink, MetadataExt, PermissionsExt};
    use std::path::PathBuf;

    struct Logs(PathBuf);

    impl Logs {
        fn new(name: &str) -> Logs {
            let path = std::env::temp_dir().join(format!("vlink-logs-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Logs(path)
        }

        fn log(&self) -> PathBuf {
            self.0.join("a.log")
        }

        fn older(&self) -> String {
            fs::read_to_string(self.0.join("a.log.1")).unwrap()
        }
    }

    impl Drop for Logs {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_log_is_copied_and_emptied_under_the_hands_of_its_writer() {
        let logs = Logs::new("writer");
        let mut writer = OpenOptions::new().append(true).create(true).open(logs.log()).unwrap();
        writer.write_all(b"one\n").unwrap();
        bound(&logs.log(), 4).unwrap();
        assert!(!logs.0.join("a.log.1").exists(), "a log of exactly the limit was cut");
        writer.write_all(b"two\n").unwrap();
        bound(&logs.log(), 7).unwrap();
        assert_eq!(logs.older(), "ne\ntwo\n", "the newest part, and no more than the limit");
        writer.write_all(b"three\n").unwrap();
        assert_eq!(fs::read_to_string(logs.log()).unwrap(), "three\n");
        bound(&logs.log(), 5).unwrap();
        assert_eq!(logs.older(), "hree\n", "one generation");
        assert_eq!(fs::metadata(logs.0.join("a.log.1")).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn an_older_log_that_is_no_plain_file_is_left_alone_and_the_loss_noted() {
        let logs = Logs::new("trap");
        let victim = logs.0.join("victim");
        fs::write(&victim, "precious").unwrap();
        let older = logs.0.join("a.log.1");
        let traps: [fn(&Path, &Path); 3] = [
            |victim, older| symlink(victim, older).unwrap(),
            |victim, older| fs::hard_link(victim, older).unwrap(),
            |_, older| assert!(std::process::Command::new("mkfifo").arg(older).status().unwrap().success()),
        ];
        for trap in traps {
            trap(&victim, &older);
            fs::write(logs.log(), "0123456789").unwrap();
            bound(&logs.log(), 5).unwrap();
            let note = fs::read_to_string(logs.log()).unwrap();
            assert!(note.contains("a.log.1 cannot be written") && note.lines().count() == 1, "{note}");
            assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
            fs::remove_file(&older).unwrap();
        }
    }

    #[test]
    fn a_log_with_a_second_name_is_not_emptied() {
        let logs = Logs::new("link");
        let victim = logs.0.join("victim");
        fs::write(&victim, "precious").unwrap();
        fs::hard_link(&victim, logs.log()).unwrap();
        assert!(bound(&logs.log(), 5).is_err());
        fs::remove_file(logs.log()).unwrap();
        symlink(&victim, logs.log()).unwrap();
        assert!(bound(&logs.log(), 1).is_err());
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        assert_eq!(fs::metadata(&victim).unwrap().nlink(), 1);
    }
}
