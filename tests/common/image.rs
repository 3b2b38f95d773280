//! Disk images of a root, booted by qemu as the machines that a golden image becomes.
use super::kernel::kernel;
use super::place::Place;
use super::{cmd, need, target_dir, Scratch};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Software emulation on a busy machine takes its time: boots end in about 35 s otherwise.
const BOOT_LIMIT: u32 = 240;

/// In the image: runs what the second disk holds once the boot is complete, its output to the second serial line, then powers off.
/// It is not enabled (the kernel's command line asks for it), so an image is what the packages made of it.
const PROBE_UNIT: &str = r#"[Unit]
Description=Run a test's script after the boot
DefaultDependencies=no
After=multi-user.target
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/sh -c 'tr -d "\\000" </dev/vdb >/run/probe.sh; { sh /run/probe.sh; status=$$?; echo; echo "probe-status $$status"; } >/run/probe.out 2>&1; cat /run/probe.out >/dev/ttyS1; systemctl --no-block poweroff'
"#;

/// Where the probe unit lies in an image.
const PROBE_PATH: &str = "/etc/systemd/system/linkpack-probe.service";

/// A bootable disk image in a directory of its own, removed when dropped.
pub struct Image {
    dir: TempDir,
}

impl Image {
    /// An ext4 image of all that `scratch` holds, owners and modes kept, mounts left out. Adds the unit that runs boot scripts.
    pub fn of(scratch: &Scratch) -> Image {
        need("mke2fs", "e2fsprogs");
        scratch.write(PROBE_PATH, PROBE_UNIT);
        let image = Image::empty();
        // A plain bind mount of the root shows it without what is mounted in it.
        let script =
            r#"mount --bind "$1" "$2"; mke2fs -q -t ext4 -O ^has_journal,^metadata_csum -E root_owner=0:0 -d "$2" "$3" 1G"#;
        let mut enter = scratch.outside();
        enter.extend("unshare --mount --propagation private -- sh -euc".split(' ').map(Into::into));
        let program = enter.remove(0);
        cmd(program)
            .args(enter)
            .arg(script)
            .arg("image")
            .arg(scratch.inner_root())
            .arg(scratch.spare_mount_point())
            .arg(image.disk())
            .run()
            .ok();
        image
    }

    fn empty() -> Image {
        let parent = target_dir().join("tmp");
        Image { dir: tempfile::Builder::new().prefix("image-").tempdir_in(parent).expect("make an image's directory") }
    }

    /// Another disk with the same content, as cloning a golden image makes it.
    pub fn copy(&self) -> Image {
        let copy = Image::empty();
        cmd("cp").args(["--sparse=always", "--reflink=auto"]).args([self.disk(), copy.disk()]).run().ok();
        copy
    }

    /// The raw disk image.
    pub fn disk(&self) -> PathBuf {
        self.dir.path().join("disk.img")
    }

    /// A boot of this image. What happens in it stays on the disk.
    pub fn boot(&self) -> Boot<'_> {
        Boot { image: self, uuid: "6c696e6b-7061-636b-0000-000000000001".into(), snapshot: false, limit: BOOT_LIMIT }
    }
}

/// A boot to come.
#[must_use = "nothing boots until run()"]
pub struct Boot<'a> {
    image: &'a Image,
    uuid: String,
    snapshot: bool,
    limit: u32,
}

/// What a boot showed.
#[derive(Debug)]
pub struct Booted {
    /// stdout and stderr of the script.
    pub output: String,
    /// The script's exit status.
    pub status: i32,
    /// Text of the serial console: kernel and systemd.
    pub console: String,
}

impl Boot<'_> {
    /// The machine's SMBIOS UUID: another one is another machine.
    pub fn uuid(mut self, uuid: &str) -> Self {
        self.uuid = uuid.into();
        self
    }

    /// Throws away what the boot writes to the disk.
    pub fn snapshot(mut self) -> Self {
        self.snapshot = true;
        self
    }

    /// Seconds until the test gives up.
    pub fn limit(mut self, seconds: u32) -> Self {
        self.limit = seconds;
        self
    }

    /// Boots, runs `script` by sh as root after multi-user.target, shuts down in good order. Panics with the console's text if the
    /// script does not come to its end.
    pub fn run(self, script: &str) -> Booted {
        need("qemu-system-x86_64", "qemu-system-x86");
        let dir = self.image.dir.path();
        let (probe, console, result) = (dir.join("probe"), dir.join("console"), dir.join("result"));
        write_disk(&probe, script);
        let qemu = self.qemu(&probe, &console, &result).limit(self.limit).run();
        let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).replace('\r', "");
        let (console, result) = (text(&console), text(&result));
        let Some((output, status)) = result.rsplit_once("\nprobe-status ") else {
            panic!("the boot did not run its script to the end: {qemu}\n-- result:\n{result}\n-- console:\n{console}");
        };
        let status = status.trim().parse().unwrap_or_else(|e| panic!("exit status of the script: {e}: {status:?}"));
        Booted { output: output.to_owned(), status, console }
    }

    fn qemu(&self, probe: &Path, console: &Path, result: &Path) -> super::Cmd {
        let kernel = kernel();
        let snapshot = if self.snapshot { "on" } else { "off" };
        let append =
            "console=ttyS0 root=/dev/vda rw panic=-1 no_timer_check systemd.wants=linkpack-probe.service systemd.getty_auto=no \
                      systemd.show_status=true systemd.mask=systemd-networkd-wait-online.service";
        cmd("qemu-system-x86_64")
            .args("-nodefaults -no-user-config -display none -no-reboot -m 768 -smp 2 -nic none".split(' '))
            // A /dev/kvm can be there and yet fail half-way through a boot, in nested virtual machines: emulation always works.
            .args(["-accel", "tcg"])
            .args(["-uuid", &self.uuid, "-append", append])
            .arg("-kernel")
            .arg(kernel.kernel)
            .arg("-initrd")
            .arg(kernel.initrd)
            .args(drive(&self.image.disk(), snapshot))
            .args(drive(probe, "on"))
            .args(serial(console))
            .args(serial(result))
    }
}

fn drive(file: &Path, snapshot: &str) -> [String; 2] {
    ["-drive".into(), format!("if=virtio,format=raw,cache=unsafe,snapshot={snapshot},file={}", escaped(file))]
}

fn serial(file: &Path) -> [String; 4] {
    let id = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    ["-chardev".into(), format!("file,id={id},path={}", escaped(file)), "-serial".into(), format!("chardev:{id}")]
}

/// A path in an option of qemu, where a comma ends a value unless doubled.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// A disk holds whole sectors; the NUL bytes that fill the last one are dropped inside.
fn write_disk(path: &Path, script: &str) {
    let mut bytes = script.as_bytes().to_vec();
    bytes.resize(bytes.len().next_multiple_of(4096).max(4096), 0);
    fs::write(path, bytes).expect("write the boot's script");
}
