//! The systems that packages are made for, and what their package managers read.
//!
//! gzip and xz are read by dpkg and rpm of every system here: xz by dpkg from 1.15.6 and by rpm from 4.7 on. zstd is not. Where it is
//! uncertain, the table says no. No column tells which system has the programs `xz` or `zstd`, which a `.run` would need: Debian's
//! minimal installation has neither (dpkg brings the libraries only), and of the others we know of none that promises them.

use schemars::JsonSchema;
use serde::Deserialize;

/// A system and its release; those made of the same source (Rocky, Alma, Oracle: rhel) count as it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum System {
    /// Debian 10.
    #[serde(rename = "debian-10")]
    Debian10,
    /// Debian 11.
    #[serde(rename = "debian-11")]
    Debian11,
    /// Debian 12.
    #[serde(rename = "debian-12")]
    Debian12,
    /// Debian 13.
    #[serde(rename = "debian-13")]
    Debian13,
    /// Ubuntu 18.04 LTS.
    #[serde(rename = "ubuntu-18.04")]
    Ubuntu18,
    /// Ubuntu 20.04 LTS.
    #[serde(rename = "ubuntu-20.04")]
    Ubuntu20,
    /// Ubuntu 22.04 LTS.
    #[serde(rename = "ubuntu-22.04")]
    Ubuntu22,
    /// Ubuntu 24.04 LTS.
    #[serde(rename = "ubuntu-24.04")]
    Ubuntu24,
    /// Red Hat Enterprise Linux 7.
    #[serde(rename = "rhel-7")]
    Rhel7,
    /// Red Hat Enterprise Linux 8.
    #[serde(rename = "rhel-8")]
    Rhel8,
    /// Red Hat Enterprise Linux 9.
    #[serde(rename = "rhel-9")]
    Rhel9,
    /// Red Hat Enterprise Linux 10.
    #[serde(rename = "rhel-10")]
    Rhel10,
    /// Amazon Linux 2.
    #[serde(rename = "amazon-2")]
    Amazon2,
    /// Amazon Linux 2023.
    #[serde(rename = "amazon-2023")]
    Amazon2023,
    /// SUSE Linux Enterprise Server 12.
    #[serde(rename = "sles-12")]
    Sles12,
    /// SUSE Linux Enterprise Server 15.
    #[serde(rename = "sles-15")]
    Sles15,
}

/// What installs packages on a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installer {
    /// Reads DEBs.
    Dpkg,
    /// Reads RPMs.
    Rpm,
}

/// A line of the table: system, name, installer, whether that reads zstd, glibc as its first release has it.
type Line = (System, &'static str, Installer, bool, &'static str);

const TABLE: [Line; 16] = {
    use Installer::{Dpkg, Rpm};
    [
        // dpkg reads zstd from 1.21.18 on (deb(5), "data.tar.zst"): 10 has 1.19, 11 has 1.20, 12 has 1.21.22.
        (System::Debian10, "debian-10", Dpkg, false, "2.28"),
        (System::Debian11, "debian-11", Dpkg, false, "2.31"),
        (System::Debian12, "debian-12", Dpkg, true, "2.36"),
        (System::Debian13, "debian-13", Dpkg, true, "2.41"),
        // Ubuntu's dpkg by a patch of its own from 18.04 on; its packages are zstd since 21.10 (Debian bug 892664).
        (System::Ubuntu18, "ubuntu-18.04", Dpkg, true, "2.27"),
        (System::Ubuntu20, "ubuntu-20.04", Dpkg, true, "2.31"),
        (System::Ubuntu22, "ubuntu-22.04", Dpkg, true, "2.35"),
        (System::Ubuntu24, "ubuntu-24.04", Dpkg, true, "2.39"),
        // rpm from 4.14 on where it is built with zstd: 7 has 4.11; 8 from 8.2 on (rpm-4.14.2-26.el8, Red Hat bug 1715799),
        // and an older 8 refuses by rpmlib(PayloadIsZstd); 9 has 4.16, 10 has 4.19.
        (System::Rhel7, "rhel-7", Rpm, false, "2.17"),
        (System::Rhel8, "rhel-8", Rpm, true, "2.28"),
        (System::Rhel9, "rhel-9", Rpm, true, "2.34"),
        (System::Rhel10, "rhel-10", Rpm, true, "2.39"),
        // 2 has rpm 4.11, 2023 has 4.16 of Fedora's make, whose own packages are zstd.
        (System::Amazon2, "amazon-2", Rpm, false, "2.26"),
        (System::Amazon2023, "amazon-2023", Rpm, true, "2.34"),
        // 12 has rpm 4.11. 15 has 4.14; from which service pack on it is built with zstd is not known to us.
        (System::Sles12, "sles-12", Rpm, false, "2.19"),
        (System::Sles15, "sles-15", Rpm, false, "2.26"),
    ]
};

impl System {
    /// All that linkpack knows, in the order of the table.
    pub const ALL: [System; 16] = {
        let mut all = [System::Debian10; 16];
        let mut at = 0;
        while at < all.len() {
            all[at] = TABLE[at].0;
            at += 1;
        }
        all
    };

    /// All that linkpack knows.
    pub fn all() -> impl Iterator<Item = System> {
        TABLE.iter().map(|line| line.0)
    }

    /// The name in manifests and messages.
    pub fn name(self) -> &'static str {
        self.line().1
    }

    /// What installs packages there.
    pub fn installer(self) -> Installer {
        self.line().2
    }

    /// Whether that reads packages compressed with zstd.
    pub fn reads_zstd(self) -> bool {
        self.line().3
    }

    /// The version of its C library: programs that need a newer one do not start there.
    pub fn glibc(self) -> &'static str {
        self.line().4
    }

    fn line(self) -> &'static Line {
        // The table is in the order of the systems: a test holds it to that.
        &TABLE[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_systems_and_names_them_as_manifests_do() {
        for (at, line) in TABLE.iter().enumerate() {
            assert_eq!(line.0 as usize, at, "{}", line.1);
            let read: System = serde_json::from_value(line.1.into()).unwrap();
            assert_eq!(read, line.0);
        }
    }
}
