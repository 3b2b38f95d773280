//! A throwaway copy of a root directory: an overlay in a mount namespace of its own.
use super::place::Place;
use super::process::{enter_namespaces, first_child};
use super::{debian_root, need, target_dir};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Arguments: mount point, base. Everything written lands in a tmpfs that vanishes with the namespace, so nothing can be left behind.
/// Ignoring SIGCHLD makes `cat` reap the orphans that become its children as process 1.
const KEEPER: &str = r#"
mount -t tmpfs -o mode=0755 linkpack "$1"
cd "$1"
mkdir lower upper work root plain
mount --bind "$2" lower
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay root
busybox ip link set lo up
mount -t proc proc /proc
mount -t proc proc root/proc
echo ready
exec env --ignore-signal=CHLD cat >/dev/null
"#;

/// A root of its own for one test, made in milliseconds. As a [`Place`] it is a chroot without network whose process 1 lives outside of
/// it: an installer must see that nothing may be started. It is gone when dropped, and also when the test process dies.
pub struct Scratch {
    keeper: Child,
    init: u32,
    mount_point: PathBuf,
}

impl Scratch {
    /// A copy of the Debian fixture.
    pub fn debian() -> Scratch {
        Scratch::new(&debian_root())
    }

    /// A copy of `base`, which stays untouched.
    pub fn new(base: &Path) -> Scratch {
        need("busybox", "busybox-static");
        // Each scratch mounts in its own namespace, so all of them can use one mount point.
        let mount_point = target_dir().join("tmp/scratch");
        std::fs::create_dir_all(&mount_point).expect("make the mount point");
        let mut command = Command::new("unshare");
        command.args("--mount --propagation private --pid --fork --kill-child --net --ipc --uts -- sh -euc".split(' ')).args([
            KEEPER.as_ref(),
            "keeper".as_ref(),
            mount_point.as_os_str(),
            base.as_os_str(),
        ]);
        let keeper = start_keeper(command);
        let init = first_child(keeper.id()).expect("the keeper is running");
        Scratch { keeper, init, mount_point }
    }

    /// The directory, in the namespaces of [`Scratch::outside`], that is `/` inside.
    pub fn inner_root(&self) -> PathBuf {
        self.mount_point.join("root")
    }

    /// An empty directory in the same namespace to mount another view on.
    pub(super) fn spare_mount_point(&self) -> PathBuf {
        self.mount_point.join("plain")
    }

    /// Leads into the scratch's namespaces but not into its root: this machine's tools, and the root at [`Scratch::inner_root`].
    pub fn outside(&self) -> Vec<OsString> {
        enter_namespaces(self.init)
    }
}

impl Place for Scratch {
    fn enter(&self) -> Vec<OsString> {
        let mut enter = self.outside();
        enter.extend(["chroot".into(), self.inner_root().into()]);
        enter
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take()); // the end of its input ends the keeper, and with it all its namespaces hold
        let _ = self.keeper.wait();
    }
}

/// Starts a namespace's first process and waits for its "ready". It lives as long as we hold its standard input open.
pub(super) fn start_keeper(mut command: Command) -> Child {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    let mut first = String::new();
    let _ = BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first);
    if first != "ready\n" {
        let mut why = String::new();
        let _ = child.stderr.take().expect("piped").read_to_string(&mut why);
        let _ = child.wait();
        panic!("no namespace for a test (these tests run as root): {why}");
    }
    child
}
