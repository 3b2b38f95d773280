//! A machine to install on: the host's files under an overlay, in namespaces of its own. Nothing done in it
//! reaches the host.
#![allow(dead_code)] // each test file uses its part

pub mod product;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

/// The shells that the scripts promise to work with; each serves as the machine's /bin/sh.
pub const SHELLS: &[&str] = &["dash", "bash", "busybox"];

const SETUP: &str = r#"
set -e
mount --make-rprivate /
mount -t tmpfs -o size=200m sandbox "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount --rbind /dev dev
for dir in tmp run opt; do mount -t tmpfs -o "mode=755,size=20m" "$dir" "$dir"; done
chmod 1777 tmp
mkdir -p .old
pivot_root . .old
cd /
umount -l /.old
rmdir /.old
rm -rf /etc/intigua /var/lib/intigua /var/log/intigua /usr/local/intigua
ln -sf "$(command -v "$2")" /bin/sh
# Process 1 of the machine reaps what is orphaned. By any other name this would be a container's build.
printf '%s' "$3" >/proc/$$/comm
echo ready
while :; do sleep 0.2; done
"#;

/// What a command in the sandbox did.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    /// Panics unless the command ended with this code; shows what it said.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }
}

/// A machine; gone, with all its processes, when dropped.
pub struct Sandbox {
    holder: Child,
    init: String,
    _mount_point: tempfile::TempDir,
}

impl Sandbox {
    pub fn new() -> Self {
        Self::with_shell("dash")
    }

    /// With this shell as /bin/sh.
    pub fn with_shell(shell: &str) -> Self {
        Self::with(shell, "init")
    }

    /// With a process 1 of this name: "sh" is a container's build.
    pub fn with_init(init: &str) -> Self {
        Self::with("dash", init)
    }

    fn with(shell: &str, init: &str) -> Self {
        require("setpriv", "util-linux");
        require("unshare", "util-linux");
        require("nsenter", "util-linux");
        require(shell, if shell == "busybox" { "busybox-static" } else { shell });
        let mount_point = tempfile::tempdir().expect("a directory to mount on");
        // Also a test that is killed takes its machine along.
        let mut holder = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "dash", "-c", SETUP, "setup"])
            .arg(mount_point.path())
            .args([shell, init])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare runs (tests need root)");
        let mut line = String::new();
        BufReader::new(holder.stdout.take().expect("piped")).read_line(&mut line).expect("readable");
        assert_eq!(line.trim(), "ready", "the sandbox could not be set up (tests need root)");
        let children = format!("/proc/{0}/task/{0}/children", holder.id());
        let init = std::fs::read_to_string(children).expect("the sandbox's process 1").trim().to_owned();
        Sandbox { holder, init, _mount_point: mount_point }
    }

    /// A command that will run in the machine.
    pub fn command(&self, script: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.init, "-m", "-p", "-r", "-w", "/bin/sh", "-c", script]);
        command.stdin(Stdio::null());
        command
    }

    /// Runs shell code.
    pub fn sh(&self, script: &str) -> Done {
        let output = self.command(script).output().expect("nsenter runs");
        Done {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The output of shell code that has to succeed.
    #[track_caller]
    pub fn ask(&self, script: &str) -> String {
        self.sh(script).expect(0).out.trim_end().to_owned()
    }

    /// Writes a file.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let mut child = self.command(&format!("cat >'{path}'")).stdin(Stdio::piped()).spawn().expect("nsenter runs");
        child.stdin.take().expect("piped").write_all(bytes).expect("written");
        assert!(child.wait().expect("ends").success(), "{path} could not be written");
    }

    /// Everything an installer may leave behind: a listing of all places it writes to.
    pub fn listing(&self) -> String {
        self.ask(
            "find /etc /var/lib/intigua /var/log /usr/local /opt /lib/systemd /run /tmp /srv 2>/dev/null \
             | grep -v -e '^/run/lock' -e '^/etc/mtab' -e '^/tmp/.*[.]run$' | sort",
        )
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn require(tool: &str, package: &str) {
    let found = Command::new("sh").args(["-c", "command -v \"$1\"", "sh", tool]).stdout(Stdio::null()).status();
    assert!(found.is_ok_and(|status| status.success()), "{tool} is missing: apt-get install {package}");
}
