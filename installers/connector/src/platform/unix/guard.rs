//! A second, tiny process that ends the containers when the connector dies without a chance to do it (kill -9, OOM).
//! The parent-death signal alone reaches a container's first process only, not that one's children.

use std::io;
use std::os::unix::io::RawFd;

use super::sys;

/// The connector's end of the guard.
pub struct Guard {
    pid: u32,
    pipe: RawFd,
}

impl Guard {
    /// Starts the guard. Process groups in `known` are under its watch from the start.
    pub fn start(known: &[u32]) -> io::Result<Guard> {
        let (reader, writer) = sys::pipe()?;
        let mut groups = known.to_vec();
        let pid = sys::fork_into(move || watch(reader, &mut groups));
        sys::close_fd(reader);
        match pid {
            Ok(pid) => Ok(Guard { pid, pipe: writer }),
            Err(error) => {
                sys::close_fd(writer);
                Err(error)
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Where a new container's first process announces itself, before it becomes the container.
    pub fn pipe(&self) -> RawFd {
        self.pipe
    }

    /// The group is gone; its number may come to belong to somebody else.
    pub fn forget(&self, group: u32) {
        let _ = sys::write_bytes(self.pipe, &(-(group as i32)).to_ne_bytes());
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        sys::close_fd(self.pipe);
    }
}

/// The record that puts a group under watch. Safe between fork and exec.
pub fn announce(pipe: RawFd) {
    let _ = sys::write_bytes(pipe, &(std::process::id() as i32).to_ne_bytes());
}

fn watch(reader: RawFd, groups: &mut Vec<u32>) {
    sys::close_all_but(reader);
    let _ = sys::new_session();
    let _ = std::env::set_current_dir("/");
    sys::set_name(b"vlink-guard\0");
    // It outlives a stop of the whole service: the end of the pipe says when the connector is gone.
    sys::ignore_signals(&[sys::SIGHUP, sys::SIGINT, sys::SIGTERM]);
    while let Some(record) = sys::read_record(reader) {
        match i32::from_ne_bytes(record) {
            group if group > 0 => groups.push(group as u32),
            group => groups.retain(|known| *known != group.unsigned_abs()),
        }
    }
    for group in groups.iter() {
        sys::send_group(*group, sys::SIGKILL);
    }
}
