//! A scratch root come alive: with a process 1 of its own inside, plain or systemd.
use super::cmd::Cmd;
use super::place::Place;
use super::process::{enter_namespaces, first_child, kill, name_of};
use super::scratch::start_keeper;
use super::{need, Scratch};
use std::ffi::OsString;
use std::fs;
use std::io::{Read, Seek};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const BOOT_LIMIT: Duration = Duration::from_secs(90);
const HALT_LIMIT: Duration = Duration::from_secs(120);

/// Argument: the root. Process 1 lives in the root and reaps orphans; /proc and /sys are there, systemd is not.
/// It says "ready" from inside: commands enter the root that process 1 has at that moment. A shell would take the ignored
/// signal back, so that nothing was reaped: env comes last. It is called "init": by any other name of process 1 installers take this
/// for the build of a container.
const LIVE: &str = r#"
cd "$1"
umount proc
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=755 init mnt
ln -s /bin/cat mnt/init
exec chroot . sh -c 'echo ready; exec env --ignore-signal=CHLD /mnt/init >/dev/null'
"#;

/// Arguments: the root, then cgroups to move to. nspawn gets cgroups of its own (two of them would share its fixed names otherwise), a
/// private /run for its bookkeeping, and a root without our /proc, which would make systemd believe in a chroot.
const BOOT: &str = r#"
root=$1
shift
for group; do echo 0 >"$group/cgroup.procs"; done
umount "$root/proc"
mount -t tmpfs -o mode=0755 tmpfs /run
exec systemd-nspawn --quiet --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off --console=pipe \
    --hostname=endpoint --directory="$root" --boot
"#;

/// A running machine on a [`Scratch`]'s root; its daemons go on living between commands. Stopped when dropped.
pub struct Machine<'a> {
    wrapper: Child,
    init: u32,
    cgroups: Vec<PathBuf>,
    scratch: PhantomData<&'a Scratch>,
}

impl Scratch {
    /// A live machine without systemd: process 1 is inside the root, so installers start services through the init script.
    pub fn live_sysv(&self) -> Machine<'_> {
        let mut line = self.outside();
        line.extend("unshare --mount --propagation private --pid --fork --kill-child -- sh -euc".split(' ').map(Into::into));
        line.extend([LIVE.into(), "live".into(), self.inner_root().into()]);
        let wrapper = start_keeper(command(&line));
        let init = first_child(wrapper.id()).and_then(first_child).expect("the machine is running");
        Machine { wrapper, init, cgroups: Vec::new(), scratch: PhantomData }
    }

    /// Boots the root with systemd as process 1 (about two seconds) and waits until the boot is complete.
    pub fn boot(&self) -> Machine<'_> {
        need("systemd-nspawn", "systemd-container");
        let cgroups = make_cgroups();
        let mut line = self.outside();
        line.extend("unshare --mount --propagation private -- sh -euc".split(' ').map(Into::into));
        line.extend([BOOT.into(), "boot".into(), self.inner_root().into()]);
        line.extend(cgroups.iter().map(OsString::from));
        let log = tempfile::tempfile().expect("make a log");
        let share = || Stdio::from(log.try_clone().expect("share the log"));
        let mut command = command(&line);
        command.env("SYSTEMD_NSPAWN_TMPFS_TMP", "0").stdin(Stdio::null()).stdout(share()).stderr(share());
        let wrapper = command.spawn().expect("run nsenter");
        let mut machine = Machine { wrapper, init: 0, cgroups, scratch: PhantomData };
        if let Err(why) = machine.wait_for_systemd() {
            panic!("systemd did not boot: {why}\n{}", contents(log));
        }
        machine
    }
}

impl Machine<'_> {
    /// Its process 1, as this machine numbers it.
    pub fn pid(&self) -> u32 {
        self.init
    }

    fn wait_for_systemd(&mut self) -> Result<(), String> {
        let start = Instant::now();
        let mut state = String::new();
        while start.elapsed() < BOOT_LIMIT {
            if let Some(status) = self.wrapper.try_wait().map_err(|e| e.to_string())? {
                return Err(format!("systemd-nspawn ended with {status}"));
            }
            if self.init == 0 {
                let leader = first_child(self.wrapper.id()).and_then(first_child);
                self.init = leader.filter(|pid| name_of(*pid) == "systemd").unwrap_or(0);
            } else {
                state = self.cmd("systemctl").arg("is-system-running").run().line().to_owned();
                if state == "running" || state == "degraded" {
                    return Ok(());
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(format!("after {BOOT_LIMIT:?} it is {state:?}"))
    }

    /// Shuts systemd down in good order, so that the same scratch can be booted again. (A machine without systemd is just ended.)
    pub fn stop(mut self) {
        if self.cgroups.is_empty() {
            return;
        }
        // The connection may break before the answer comes: what counts is that the machine ends.
        let _ = self.cmd("systemctl").args(["--no-block", "poweroff"]).run();
        let start = Instant::now();
        while self.wrapper.try_wait().expect("wait for the machine").is_none() {
            assert!(start.elapsed() < HALT_LIMIT, "the machine does not halt: {}", self.sh("systemctl list-jobs; ps ax"));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends the machine as a power cut does: no process gets a chance. The files are as they were at that moment.
    pub fn cut_power(self) {}
}

impl Place for Machine<'_> {
    fn enter(&self) -> Vec<OsString> {
        let mut enter = enter_namespaces(self.init);
        enter.extend(["--root", "--wd"].map(Into::into));
        enter
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        if matches!(self.wrapper.try_wait(), Ok(None)) {
            drop(self.wrapper.stdin.take());
            // Not started yet: then nspawn itself, the wrapper's child, is what must end.
            let first = if self.init == 0 { first_child(self.wrapper.id()) } else { Some(self.init) };
            first.into_iter().for_each(kill);
            let _ = self.wrapper.wait();
        }
        self.cgroups.iter().for_each(|group| remove_cgroup(group));
    }
}

fn command(line: &[OsString]) -> Command {
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]);
    command
}

fn contents(mut log: fs::File) -> String {
    let mut bytes = Vec::new();
    let _ = log.rewind().and_then(|()| log.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

const CGROUP_PREFIX: &str = "linkpack-test-";

/// New cgroups below our own, in each hierarchy that systemd uses: unified, and the named one of a hybrid or legacy set-up.
fn make_cgroups() -> Vec<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("{CGROUP_PREFIX}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let own = fs::read_to_string("/proc/self/cgroup").expect("read /proc/self/cgroup");
    let mut made = Vec::new();
    for line in own.lines() {
        let Some(parent) = own_cgroup(line) else {
            continue;
        };
        remove_orphans(&parent);
        let group = parent.join(&name);
        fs::create_dir(&group).unwrap_or_else(|e| panic!("cannot make the cgroup {}: {e}", group.display()));
        made.push(group);
    }
    made
}

/// The directory of one line of /proc/PID/cgroup (cgroups(7)), if systemd uses that hierarchy and it is mounted.
fn own_cgroup(line: &str) -> Option<PathBuf> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, path) = (fields.next()?, fields.next()?.trim_start_matches('/'));
    let mounts: &[&str] = match controllers {
        "" => &["/sys/fs/cgroup/unified", "/sys/fs/cgroup"],
        "name=systemd" => &["/sys/fs/cgroup/systemd"],
        _ => return None,
    };
    mounts.iter().map(Path::new).find(|m| m.join("cgroup.procs").exists()).map(|m| m.join(path))
}

/// Those of a test process that was killed: their names carry its id.
fn remove_orphans(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(CGROUP_PREFIX).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            remove_cgroup(&entry.path());
        }
    }
}

/// Removes a cgroup and those below it; its processes may take a moment to be gone.
fn remove_cgroup(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            remove_cgroup(&entry.path());
        }
    }
    for _ in 0..20 {
        if fs::remove_dir(group).is_ok() || !group.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
