//! The endpoint's identity and the clone guard: an identity belongs to the machine that it was made on.

use crate::config::Config;

const CORE_ID: &str = "vlinkCoreId";
const MACHINE_ID: &str = "vlinkMachineId";

/// What is known of the machine. A part that cannot be read is absent: product_uuid is readable by root only, and
/// another run-as account must not look like another machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// The operating system's machine id, 32 hexadecimal digits.
    pub os: Option<String>,
    /// The SMBIOS UUID: a virtual machine's clone has another one even where the machine id was copied.
    pub smbios: Option<String>,
}

impl Machine {
    /// From the raw texts of the two sources; what is no real id counts as unknown.
    pub fn from_sources(os: Option<String>, smbios: Option<String>) -> Machine {
        Machine {
            os: os.and_then(|text| usable(&text)),
            smbios: smbios.and_then(|text| usable(&text)),
        }
    }

    fn from_stored(text: &str) -> Machine {
        let part = |name: &str| {
            let found = text
                .split(';')
                .find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('='));
            found.and_then(usable)
        };
        Machine {
            os: part("os"),
            smbios: part("smbios"),
        }
    }

    fn to_stored(&self) -> String {
        let part = |name: &str, id: &Option<String>| id.as_ref().map(|id| format!("{name}={id}"));
        let parts: Vec<String> = part("os", &self.os)
            .into_iter()
            .chain(part("smbios", &self.smbios))
            .collect();
        parts.join(";")
    }

    fn is_unknown(&self) -> bool {
        self.os.is_none() && self.smbios.is_none()
    }

    fn differs_from(&self, other: &Machine) -> bool {
        let differ =
            |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
        differ(&self.os, &other.os) || differ(&self.smbios, &other.smbios)
    }

    /// The parts known now, and those known before that are not readable now.
    fn with(self, earlier: Machine) -> Machine {
        Machine {
            os: self.os.or(earlier.os),
            smbios: self.smbios.or(earlier.smbios),
        }
    }
}

/// Lower-case hexadecimal digits without dashes. Firmware that has no UUID says all zeros or all ones; systemd
/// writes "uninitialized" into machine-id until the first boot.
fn usable(text: &str) -> Option<String> {
    let id: String = text
        .trim()
        .to_ascii_lowercase()
        .chars()
        .filter(|c| *c != '-')
        .collect();
    let real = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    let placeholder = id.bytes().all(|b| b == b'0') || id.bytes().all(|b| b == b'f');
    Some(id).filter(|_| real && !placeholder)
}

/// What a start did to the identity.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// It belongs to this machine.
    Kept,
    /// It was given at install, or the machine was unknown so far; from now on it belongs to this machine.
    Bound,
    /// There was none.
    Made,
    /// It belonged to another machine: this is a clone.
    Replaced,
    /// Neither machine id can be read, so a clone would go unnoticed.
    Unguarded,
}

/// Makes sure that the configuration holds an identity of this machine. `fresh` makes a new one.
/// The configuration must be saved when it differs afterwards.
pub fn ensure<E>(
    config: &mut Config,
    machine: Machine,
    fresh: impl FnOnce() -> Result<String, E>,
) -> Result<Outcome, E> {
    let stored = Machine::from_stored(config.get(MACHINE_ID).unwrap_or(""));
    let present = core_id(config).is_some();
    let cloned = present && machine.differs_from(&stored);
    if !present || cloned {
        config.set(CORE_ID, &fresh()?);
    }
    // Parts of another machine must not outlive its identity.
    let bound = if present && !cloned {
        machine.clone().with(stored.clone())
    } else {
        machine.clone()
    };
    let text = bound.to_stored();
    if config.get(MACHINE_ID).unwrap_or("") != text {
        config.set(MACHINE_ID, &text);
    }
    Ok(match (present, cloned) {
        (true, true) => Outcome::Replaced,
        (false, _) => Outcome::Made,
        _ if machine.is_unknown() => Outcome::Unguarded,
        _ if bound != stored => Outcome::Bound,
        _ => Outcome::Kept,
    })
}

/// The identity, where there is one.
pub fn core_id(config: &Config) -> Option<&str> {
    config
        .get(CORE_ID)
        .map(str::trim)
        .filter(|id| !id.is_empty())
}

/// A version 4 UUID (RFC 9562) from 16 random bytes.
pub fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef";
    const B: &str = "fedcba9876543210fedcba9876543210";
    const UUID_A: &str = "4C4C4544-0031-3010-8054-B7C04F4D3232";
    const UUID_B: &str = "564d0000-1111-2222-3333-444455556666";

    fn machine(os: Option<&str>, smbios: Option<&str>) -> Machine {
        Machine::from_sources(os.map(String::from), smbios.map(String::from))
    }

    fn start(config: &mut Config, os: Option<&str>, smbios: Option<&str>) -> Outcome {
        ensure(config, machine(os, smbios), || {
            Ok::<_, ()>("fresh".to_string())
        })
        .unwrap()
    }

    fn made_on(os: Option<&str>, smbios: Option<&str>) -> Config {
        let mut config = Config::default();
        assert_eq!(start(&mut config, os, smbios), Outcome::Made);
        config.set("vlinkCoreId", "first");
        config
    }

    #[test]
    fn the_first_start_makes_an_identity_and_later_ones_keep_it() {
        let mut config = made_on(Some(A), Some(UUID_A));
        let before = config.clone();
        assert_eq!(start(&mut config, Some(A), Some(UUID_A)), Outcome::Kept);
        assert_eq!(config, before);
    }

    #[test]
    fn a_clone_with_another_machine_id_gets_a_new_identity() {
        let mut config = made_on(Some(A), None);
        assert_eq!(start(&mut config, Some(B), None), Outcome::Replaced);
        assert_eq!(config.get("vlinkCoreId"), Some("fresh"));
        assert_eq!(start(&mut config, Some(B), None), Outcome::Kept);
    }

    #[test]
    fn a_clone_with_the_same_machine_id_is_noticed_by_its_smbios_uuid() {
        let mut config = made_on(Some(A), Some(UUID_A));
        assert_eq!(start(&mut config, Some(A), Some(UUID_B)), Outcome::Replaced);
    }

    #[test]
    fn another_run_as_account_does_not_look_like_a_clone() {
        let mut config = made_on(Some(A), Some(UUID_A));
        assert_eq!(start(&mut config, Some(A), None), Outcome::Kept);
        assert_eq!(start(&mut config, Some(A), Some(UUID_A)), Outcome::Kept);
        assert_eq!(
            start(&mut config, Some(A), Some(UUID_B)),
            Outcome::Replaced,
            "the SMBIOS part was forgotten"
        );
    }

    #[test]
    fn a_part_that_becomes_readable_is_added() {
        let mut config = made_on(Some(A), None);
        assert_eq!(start(&mut config, Some(A), Some(UUID_A)), Outcome::Bound);
        assert_eq!(config.get("vlinkCoreId"), Some("first"));
        assert_eq!(start(&mut config, Some(A), Some(UUID_B)), Outcome::Replaced);
    }

    #[test]
    fn an_identity_given_at_install_is_bound_to_the_machine() {
        let mut config = Config::parse(b"vlinkCoreId: \"from-core\"\n");
        assert_eq!(start(&mut config, Some(A), None), Outcome::Bound);
        assert_eq!(config.get("vlinkCoreId"), Some("from-core"));
        assert_eq!(start(&mut config, Some(B), None), Outcome::Replaced);
    }

    #[test]
    fn an_unknown_machine_keeps_the_identity() {
        let mut config = made_on(Some(A), Some(UUID_A));
        assert_eq!(start(&mut config, None, None), Outcome::Unguarded);
        assert_eq!(config.get("vlinkCoreId"), Some("first"));
        assert_eq!(start(&mut config, Some(B), None), Outcome::Replaced);
    }

    #[test]
    fn an_emptied_identity_takes_nothing_over_from_the_old_machine() {
        let mut config = made_on(Some(A), Some(UUID_A));
        config.set("vlinkCoreId", "");
        assert_eq!(start(&mut config, Some(B), None), Outcome::Made);
        assert_eq!(
            config.get("vlinkMachineId"),
            Some(format!("os={B}").as_str())
        );
    }

    #[test]
    fn placeholders_are_no_ids() {
        assert_eq!(
            machine(
                Some("uninitialized\n"),
                Some("00000000-0000-0000-0000-000000000000")
            ),
            Machine::default()
        );
        assert_eq!(
            machine(Some(""), Some("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF")),
            Machine::default()
        );
    }

    #[test]
    fn a_uuid_says_version_4_and_its_variant() {
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
