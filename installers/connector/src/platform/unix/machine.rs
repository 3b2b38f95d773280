//! What the machine is, and chance.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::sys;
use crate::identity::Machine;

/// The ids of this machine; the SMBIOS UUID is readable by root only.
pub fn machine() -> Machine {
    let read = |path: &str| fs::read_to_string(path).ok();
    let machine = Machine::from_sources(
        read("/etc/machine-id").or_else(|| read("/var/lib/dbus/machine-id")),
        read("/sys/class/dmi/id/product_uuid"),
    );
    let cards = if is_container() { Vec::new() } else { cards(Path::new("/sys/class/net")) };
    machine.on(cards.into_iter(), read("/run/cloud-init/.instance-id"))
}

/// Whether this is a container, which shows the hardware of its host.
fn is_container() -> bool {
    // Not /.dockerenv: virtual machines made of a container's image have that, too.
    let marks = ["/run/systemd/container", "/run/.containerenv"];
    let environment = fs::read("/proc/1/environ").unwrap_or_default();
    let says_so = environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(b"container="));
    says_so || marks.iter().any(|mark| Path::new(mark).exists())
}

/// The addresses of the network cards that belong to the machine: hardware (bridges, bonds and what containers have
/// are none), not on USB, and with the address that it came with.
fn cards(net: &Path) -> Vec<String> {
    let interfaces = fs::read_dir(net).into_iter().flatten().flatten();
    let address = |interface: &Path| {
        let read = |name: &str| fs::read_to_string(interface.join(name)).ok();
        let device = fs::canonicalize(interface.join("device")).ok()?;
        let is = |name: &str, wanted: &str| read(name).map_or(false, |text| text.trim() == wanted);
        let ethernet_of_its_own = is("type", "1") && is("addr_assign_type", "0");
        let on_usb = device.components().any(|part| part.as_os_str().to_string_lossy().starts_with("usb"));
        read("address").filter(|_| ethernet_of_its_own && !on_usb)
    };
    interfaces.filter_map(|entry| address(&entry.path())).collect()
}

/// 16 random bytes.
pub fn random() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    if sys::random(&mut bytes).is_err() {
        // Kernels before 3.17, and sandboxes that forbid the call.
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_built_in_hardware_with_its_own_address_counts() {
        let base = std::env::temp_dir().join(format!("vlink-net-{}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        let interface = |name: &str, device: &str, kind: &str, assigned: &str| {
            let path = base.join("net").join(name);
            fs::create_dir_all(&path).unwrap();
            for (file, text) in [("address", name), ("type", kind), ("addr_assign_type", assigned)] {
                fs::write(path.join(file), format!("{text}\n")).unwrap();
            }
            if !device.is_empty() {
                fs::create_dir_all(base.join(device)).unwrap();
                symlink(base.join(device), path.join("device")).unwrap();
            }
        };
        interface("card", "pci0/virtio0", "1", "0");
        interface("slave", "pci0/virtio1", "1", "3");
        interface("dock", "pci0/usb1/1-1", "1", "0");
        interface("bridge", "", "1", "0");
        interface("infiniband", "pci0/ib0", "32", "0");
        assert_eq!(cards(&base.join("net")), ["card\n"]);
        fs::remove_dir_all(&base).unwrap();
    }
}
