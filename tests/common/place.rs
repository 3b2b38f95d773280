//! What a test can do in a root, whichever way it is entered.
use super::cmd::Cmd;
use super::Output;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// The environment of a command in a place: what a root login has, without anything of this machine.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("LANG", "C.UTF-8"),
    ("DEBIAN_FRONTEND", "noninteractive"),
];

/// A root to run commands in: a [`super::Scratch`] (chroot) or a [`super::Machine`]. Paths are absolute and as seen from inside.
pub trait Place {
    /// The command line that leads inside.
    fn enter(&self) -> Vec<OsString>;

    fn cmd(&self, program: &str) -> Cmd {
        ENVIRONMENT.iter().fold(Cmd::new(self.enter(), program.into(), true), |cmd, (key, value)| cmd.env(key, value))
    }

    /// Runs a script by `sh -c`.
    #[must_use = "say what is expected: ok(), exits(code), fails()"]
    fn sh(&self, script: &str) -> Output {
        self.cmd("sh").args(["-c", script]).run()
    }

    #[track_caller]
    fn read(&self, path: &str) -> String {
        self.cmd("cat").arg(path).run().ok().stdout
    }

    /// Writes a file, making the directories above it.
    #[track_caller]
    fn write(&self, path: &str, contents: impl Into<Vec<u8>>)
    where
        Self: Sized,
    {
        let script = r#"mkdir -p "$(dirname "$1")" && cat >"$1""#;
        self.cmd("sh").args(["-c", script, "sh", path]).stdin(contents).run().ok();
    }

    /// Copies a file of this machine to `path` inside.
    #[track_caller]
    fn copy_in(&self, file: &Path, path: &str)
    where
        Self: Sized,
    {
        let bytes = fs::read(file).unwrap_or_else(|e| panic!("cannot read {}: {e}", file.display()));
        self.write(path, bytes);
    }

    /// Whether there is anything at `path`, be it a dangling link.
    fn exists(&self, path: &str) -> bool {
        self.cmd("test").args(["-e", path, "-o", "-L", path]).run().code == Some(0)
    }

    /// All below `path` on its file system, sorted: type, mode, owner, size (of files), name, link target. Two of them compare a before with an after.
    #[track_caller]
    fn tree(&self, path: &str) -> Vec<String> {
        let script = r#"find "$1" -xdev \( -type f -printf '%y %m %u:%g %s %p\n' -o -printf '%y %m %u:%g %p %l\n' \)"#;
        let found = self.cmd("sh").args(["-c", script, "sh", path]).run().ok();
        let mut lines: Vec<String> = found.stdout.lines().map(|l| l.trim_end().to_owned()).collect();
        lines.sort();
        lines
    }

    /// Mounts a tmpfs, making the directory: `scratch.tmpfs("/tmp", "noexec,mode=1777")`, `"size=64k"`, `"ro"`.
    /// A machine inherits the mounts that its scratch had when it was started.
    #[track_caller]
    fn tmpfs(&self, path: &str, options: &str) {
        self.cmd("mkdir").args(["-p", path]).run().ok();
        self.cmd("mount").args(["-t", "tmpfs", "-o", options, "tmpfs", path]).run().ok();
    }

    /// Makes `from` appear at `to` too.
    #[track_caller]
    fn bind(&self, from: &str, to: &str) {
        self.cmd("mkdir").args(["-p", to]).run().ok();
        self.cmd("mount").args(["--bind", from, to]).run().ok();
    }

    /// Makes `path` and what is below it on the same file system read-only; `"/"` is the whole root.
    #[track_caller]
    fn read_only(&self, path: &str) {
        if path != "/" {
            self.cmd("mount").args(["--bind", path, path]).run().ok();
        }
        self.cmd("mount").args(["-o", "remount,bind,ro", path]).run().ok();
    }

    #[track_caller]
    fn unmount(&self, path: &str) {
        self.cmd("umount").arg(path).run().ok();
    }
}
