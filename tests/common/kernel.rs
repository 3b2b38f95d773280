//! Debian's cloud kernel, and an initial file system just large enough to mount a virtio disk.
use super::debian::{bootstrap, suite};
use super::{cmd, fixture, need};
use std::fs;
use std::path::{Path, PathBuf};

const PACKAGES: &str = "linux-image-cloud-amd64,busybox-static";

/// The drivers a disk needs. The kernel has ext4 built in.
const DRIVERS: [&str; 2] = ["virtio_pci", "virtio_blk"];

/// The initial file system's process 1. `order` lists the drivers so that each follows what it depends on.
const INIT: &str = r#"#!/busybox sh
/busybox mkdir -p /dev /proc /root
/busybox mount -t devtmpfs dev /dev
while read -r driver; do /busybox insmod "/$driver" || echo "init: cannot load $driver"; done </order
/busybox mount -t ext4 -o rw /dev/vda /root || echo "init: cannot mount the disk"
/busybox mount -o move /dev /root/dev
exec /busybox switch_root /root /sbin/init
"#;

/// What qemu boots an image with.
pub struct Kernel {
    pub kernel: PathBuf,
    pub initrd: PathBuf,
}

/// The kernel fixture, made once (about 15 s).
pub fn kernel() -> Kernel {
    let dir = fixture("kernel", &[&suite(), PACKAGES, &DRIVERS.concat(), INIT].concat(), make);
    Kernel { kernel: dir.join("vmlinuz"), initrd: dir.join("initrd") }
}

fn make(dir: &Path) {
    let unpacked = dir.join("unpacked");
    bootstrap(&unpacked, &suite(), &["--variant=extract", &format!("--include={PACKAGES}")]);
    let kernel = only(&unpacked.join("boot"), "vmlinuz-");
    fs::copy(kernel, dir.join("vmlinuz")).expect("keep the kernel");
    pack_initrd(&unpacked, dir);
    fs::remove_dir_all(&unpacked).expect("remove what was unpacked");
}

fn pack_initrd(unpacked: &Path, dir: &Path) {
    need("cpio", "cpio");
    let tree = dir.join("tree");
    fs::create_dir(&tree).expect("make the initrd's tree");
    let found = cmd("find").arg(unpacked.join("lib/modules")).args(["-name", "*.ko"]).run().ok();
    let all: Vec<PathBuf> = found.stdout.lines().map(PathBuf::from).collect();
    let mut order = Vec::new();
    DRIVERS.iter().for_each(|driver| add_driver(driver, &all, &mut order));
    let names: Vec<String> = order.iter().map(|driver| format!("{driver}.ko")).collect();
    for (driver, name) in order.iter().zip(&names) {
        fs::copy(module(driver, &all), tree.join(name)).expect("copy a driver");
    }
    fs::copy(unpacked.join("bin/busybox"), tree.join("busybox")).expect("copy busybox");
    fs::write(tree.join("init"), INIT).expect("write init");
    fs::write(tree.join("order"), names.join("\n") + "\n").expect("write the order of drivers");
    cmd("chmod").arg("755").args([tree.join("init"), tree.join("busybox")]).run().ok();
    // The kernel wants the "newc" format (its Documentation/driver-api/early-userspace); uncompressed boots fastest in software.
    cmd("sh").args(["-c", "find . | cpio --quiet -o -H newc >../initrd"]).dir(&tree).run().ok();
    fs::remove_dir_all(&tree).expect("remove the initrd's tree");
}

/// Adds `driver` behind what it needs.
fn add_driver(driver: &str, all: &[PathBuf], order: &mut Vec<String>) {
    if order.iter().any(|known| known == driver) {
        return;
    }
    for needed in dependencies(&fs::read(module(driver, all)).expect("read a driver")) {
        add_driver(&needed, all, order);
    }
    order.push(driver.to_owned());
}

/// The `depends=a,b` of a module's .modinfo section.
fn dependencies(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let start = module.windows(KEY.len()).position(|w| w == KEY).expect("a module names what it depends on") + KEY.len();
    let value = module[start..].split(|b| *b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(value).split(',').filter(|n| !n.is_empty()).map(str::to_owned).collect()
}

/// The file of a module; `-` and `_` are the same in module names.
fn module<'a>(name: &str, all: &'a [PathBuf]) -> &'a Path {
    let is_it = |file: &&PathBuf| file.file_stem().is_some_and(|stem| stem.to_string_lossy().replace('-', "_") == name);
    all.iter().find(is_it).unwrap_or_else(|| panic!("the kernel has no module {name}"))
}

fn only(dir: &Path, prefix: &str) -> PathBuf {
    let entries = fs::read_dir(dir).expect("read a directory").flatten();
    let mut found = entries.filter(|e| e.file_name().to_string_lossy().starts_with(prefix)).map(|e| e.path());
    found.next().unwrap_or_else(|| panic!("no {prefix}* in {}", dir.display()))
}
