//! Limits through cgroup v2, where the connector's own cgroup was given to it (systemd: Delegate=yes).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::descriptor::Throttle;

const MOUNT: &str = "/sys/fs/cgroup";
const PERIOD_US: u64 = 100_000;

/// The connector's own cgroup, with the connector moved into a leaf of it.
pub struct Cgroups {
    own: PathBuf,
}

/// What of a throttle is in force.
#[derive(Debug, Default, PartialEq)]
pub struct Applied {
    pub cpu: bool,
    pub memory: bool,
}

impl Cgroups {
    /// Takes the own cgroup over. `None` where there is no cgroup v2, where others live in the same cgroup
    /// (a login session, a container's only one), or where it cannot be written.
    pub fn take_over(processes: &[u32]) -> Option<Cgroups> {
        let text = fs::read_to_string("/proc/self/cgroup").ok()?;
        let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
        if path.is_empty() || !Path::new(MOUNT).join("cgroup.controllers").is_file() {
            return None;
        }
        Cgroups::at(&Path::new(MOUNT).join(path), processes).ok()
    }

    /// A cgroup may have either processes or limited children: so the connector moves into a child first.
    fn at(own: &Path, processes: &[u32]) -> io::Result<Cgroups> {
        let living = fs::read_to_string(own.join("cgroup.procs"))?;
        let ours = living.lines().all(|pid| pid.parse().map_or(false, |pid| processes.contains(&pid)));
        if !ours {
            return Err(io::Error::new(io::ErrorKind::Other, "shared with other processes"));
        }
        let leaf = own.join("connector");
        make(&leaf)?;
        for pid in processes {
            put(&leaf.join("cgroup.procs"), &pid.to_string())?;
        }
        for controller in ["+cpu", "+memory"] {
            // One that is not there is noticed when a limit is set.
            let _ = put(&own.join("cgroup.subtree_control"), controller);
        }
        Ok(Cgroups { own: own.to_path_buf() })
    }

    /// A container's cgroup with its limits: the file through which a process enters, and the limits in force.
    pub fn prepare(&self, name: &str, throttle: &Throttle) -> io::Result<(File, Applied)> {
        let group = self.group(name);
        make(&group)?;
        let cpu = throttle.max_cpu_percent.map_or("max".to_string(), |p| (u64::from(p) * PERIOD_US / 100).to_string());
        let memory = throttle.max_memory_kb.map_or("max".to_string(), |kb| (kb * 1024).to_string());
        let applied = Applied {
            cpu: put(&group.join("cpu.max"), &format!("{cpu} {PERIOD_US}")).is_ok(),
            memory: put(&group.join("memory.max"), &memory).is_ok(),
        };
        let entrance = OpenOptions::new().write(true).open(group.join("cgroup.procs"))?;
        Ok((entrance, applied))
    }

    /// What runs in a container's cgroup, whatever it did to its environment, its group and its account.
    pub fn members(&self, name: &str) -> Vec<u32> {
        let text = fs::read_to_string(self.group(name).join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|pid| pid.parse().ok()).filter(|pid| *pid > 1).collect()
    }

    /// Removes the cgroup of a container that has ended; one that still has processes stays.
    pub fn remove(&self, name: &str) {
        let _ = fs::remove_dir(self.group(name));
    }

    /// The prefix keeps containers' names apart from the kernel's files and from the connector's leaf.
    fn group(&self, name: &str) -> PathBuf {
        self.own.join(format!("ct-{name}"))
    }
}

fn make(directory: &Path) -> io::Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Writes to a file of the kernel's, which must exist.
fn put(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with the files that the kernel would put there. Children need theirs made beforehand.
    fn tree(name: &str, processes: &str) -> PathBuf {
        let own = std::env::temp_dir().join(format!("vlink-cgroup-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&own);
        for directory in ["connector", "ct-a"] {
            fs::create_dir_all(own.join(directory)).unwrap();
            for file in ["cgroup.procs", "cpu.max", "memory.max"] {
                fs::write(own.join(directory).join(file), "").unwrap();
            }
        }
        fs::write(own.join("cgroup.procs"), processes).unwrap();
        fs::write(own.join("cgroup.subtree_control"), "").unwrap();
        own
    }

    #[test]
    fn limits_are_written_in_the_kernels_units() {
        let own = tree("limits", "10\n11\n");
        let cgroups = Cgroups::at(&own, &[10, 11]).unwrap();
        assert_ne!(fs::read_to_string(own.join("connector/cgroup.procs")).unwrap(), "");
        let throttle = Throttle { nice: None, max_cpu_percent: Some(150), max_memory_kb: Some(2048) };
        let (_, applied) = cgroups.prepare("a", &throttle).unwrap();
        assert_eq!(applied, Applied { cpu: true, memory: true });
        assert_eq!(fs::read_to_string(own.join("ct-a/cpu.max")).unwrap(), "150000 100000");
        assert_eq!(fs::read_to_string(own.join("ct-a/memory.max")).unwrap(), "2097152");
        fs::write(own.join("ct-a/cgroup.procs"), "12\n0\n13\n").unwrap();
        assert_eq!((cgroups.members("a"), cgroups.members("b")), (vec![12, 13], vec![]), "0 would be the own group");
        fs::remove_dir_all(&own).unwrap();
    }

    #[test]
    fn a_missing_controller_is_reported_as_not_applied() {
        let own = tree("missing", "10\n");
        fs::remove_file(own.join("ct-a/memory.max")).unwrap();
        let cgroups = Cgroups::at(&own, &[10]).unwrap();
        let (_, applied) = cgroups.prepare("a", &Throttle::default()).unwrap();
        assert_eq!(applied, Applied { cpu: true, memory: false });
        fs::remove_dir_all(&own).unwrap();
    }

    #[test]
    fn a_cgroup_shared_with_others_is_left_alone() {
        let own = tree("shared", "10\n99\n");
        assert!(Cgroups::at(&own, &[10]).is_err());
        assert_eq!(fs::read_to_string(own.join("connector/cgroup.procs")).unwrap(), "");
        fs::remove_dir_all(&own).unwrap();
    }
}
