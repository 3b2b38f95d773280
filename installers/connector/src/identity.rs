//! The endpoint's identity and the clone guard: an identity belongs to the machine that it was made on.

use crate::config::Config;

const CORE_ID: &str = "vlinkCoreId";
const MACHINE_ID: &str = "vlinkMachineId";

/// The most network cards that are remembered; a machine with more is known by the first of them.
const MOST_CARDS: usize = 8;
const MOST_CLOUD_ID: usize = 128;
/// Addresses that follow the host (Hyper-V's dynamic ones) or the IP address (Google's) and so change on one machine.
const MOVING_ADDRESSES: [&str; 2] = ["00155d", "4201"];

/// What is known of the machine. A part that cannot be read is absent: product_uuid is readable by root only, and
/// another run-as account must not look like another machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// The operating system's machine id, 32 hexadecimal digits. It travels with a copied disk.
    pub os: Option<String>,
    /// The SMBIOS UUID: a virtual machine's clone has another one even where the machine id was copied.
    pub smbios: Option<String>,
    /// The built-in network cards' own addresses, 12 hexadecimal digits each, sorted.
    pub cards: Vec<String>,
    /// The id that a cloud gave to this instance.
    pub cloud: Option<String>,
}

impl Machine {
    /// From the raw texts of the two sources; what is no real id counts as unknown.
    pub fn from_sources(os: Option<String>, smbios: Option<String>) -> Machine {
        let id = |text: Option<String>| text.and_then(|text| usable(&text));
        Machine { os: id(os), smbios: id(smbios), ..Machine::default() }
    }

    /// With the cards' addresses, as the system writes them, and the cloud's id.
    #[cfg_attr(windows, allow(dead_code))] // where MachineGuid and the SMBIOS UUID are all that is looked at
    pub fn on(self, cards: impl Iterator<Item = String>, cloud: Option<String>) -> Machine {
        Machine { cards: usable_cards(cards), cloud: cloud.and_then(|text| usable_cloud(&text)), ..self }
    }

    fn from_stored(text: &str) -> Machine {
        let part = |name: &str| text.split(';').find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('='));
        let cards = part("mac").unwrap_or("").split(',').map(String::from);
        let machine = Machine::from_sources(part("os").map(String::from), part("smbios").map(String::from));
        machine.on(cards, part("cloud").map(String::from))
    }

    fn to_stored(&self) -> String {
        let cards = Some(self.cards.join(",")).filter(|text| !text.is_empty());
        let parts = [("os", &self.os), ("smbios", &self.smbios), ("mac", &cards), ("cloud", &self.cloud)];
        let parts = parts.iter().filter_map(|(name, id)| id.as_ref().map(|id| format!("{name}={id}")));
        parts.collect::<Vec<_>>().join(";")
    }

    fn is_unknown(&self) -> bool {
        *self == Machine::default()
    }

    /// Whether this is another machine than the one that was stored. In this order:
    /// 1. another SMBIOS UUID or another cloud instance is another machine;
    /// 2. so is one that shares no network card, whatever was copied with the disk;
    /// 3. another machine id on hardware that shares a card was made anew on the same machine, else it is a clone's.
    fn differs_from(&self, stored: &Machine) -> bool {
        let differ = |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
        if differ(&self.smbios, &stored.smbios) || differ(&self.cloud, &stored.cloud) {
            return true;
        }
        let shares_a_card = self.cards.iter().any(|card| stored.cards.contains(card));
        let cards_known = !self.cards.is_empty() && !stored.cards.is_empty();
        !shares_a_card && (cards_known || differ(&self.os, &stored.os))
    }

    /// The parts known now, and those known before that are not readable now.
    fn with(self, earlier: Machine) -> Machine {
        Machine {
            os: self.os.or(earlier.os),
            smbios: self.smbios.or(earlier.smbios),
            cards: if self.cards.is_empty() { earlier.cards } else { self.cards },
            cloud: self.cloud.or(earlier.cloud),
        }
    }
}

/// Lower-case hexadecimal digits without dashes. Firmware that has no UUID says all zeros or all ones; systemd
/// writes "uninitialized" into machine-id until the first boot.
fn usable(text: &str) -> Option<String> {
    hexadecimal(text, '-', 32)
}

fn hexadecimal(text: &str, separator: char, digits: usize) -> Option<String> {
    let id: String = text.trim().to_ascii_lowercase().chars().filter(|c| *c != separator).collect();
    let real = id.len() == digits && id.bytes().all(|b| b.is_ascii_hexdigit());
    let placeholder = id.bytes().all(|b| b == b'0') || id.bytes().all(|b| b == b'f');
    Some(id).filter(|_| real && !placeholder)
}

fn usable_cards(texts: impl Iterator<Item = String>) -> Vec<String> {
    let stays = |card: &String| !MOVING_ADDRESSES.iter().any(|prefix| card.starts_with(prefix));
    let mut cards: Vec<String> = texts.filter_map(|text| hexadecimal(&text, ':', 12)).filter(stays).collect();
    cards.sort();
    cards.dedup();
    cards.truncate(MOST_CARDS);
    cards
}

/// cloud-init says "iid-datasource-none" where there is no cloud.
fn usable_cloud(text: &str) -> Option<String> {
    let id = text.trim();
    let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':' | b'/');
    let real = !id.is_empty() && id.len() <= MOST_CLOUD_ID && id.bytes().all(safe) && id != "iid-datasource-none";
    Some(id.to_string()).filter(|_| real)
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
    /// Nothing of the machine can be read, so a clone would go unnoticed.
    Unguarded,
}

/// Makes sure that the configuration holds an identity of this machine. `fresh` makes a new one.
/// The configuration must be saved when it differs afterwards.
pub fn ensure<E>(config: &mut Config, machine: Machine, fresh: impl FnOnce() -> Result<String, E>) -> Result<Outcome, E> {
    let stored = Machine::from_stored(config.get(MACHINE_ID).unwrap_or(""));
    let present = core_id(config).is_some();
    let cloned = present && machine.differs_from(&stored);
    if !present || cloned {
        config.set(CORE_ID, &fresh()?);
    }
    // Parts of another machine must not outlive its identity.
    let bound = if present && !cloned { machine.clone().with(stored.clone()) } else { machine.clone() };
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
    config.get(CORE_ID).map(str::trim).filter(|id| !id.is_empty())
}

/// A version 4 UUID (RFC 9562) from 16 random bytes.
pub fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
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
        ensure(config, machine(os, smbios), || Ok::<_, ()>("fresh".to_string())).unwrap()
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
        assert_eq!(start(&mut config, Some(A), Some(UUID_B)), Outcome::Replaced, "the SMBIOS part was forgotten");
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
        assert_eq!(config.get("vlinkMachineId"), Some(format!("os={B}").as_str()));
    }

    const CARD_A: &str = "52:54:00:00:00:0a";
    const CARD_B: &str = "52:54:00:00:00:0b";
    const CARD_C: &str = "52:54:00:00:00:0c";

    fn seen(os: &str, smbios: &str, cards: &[&str], cloud: &str) -> Machine {
        let known = |text: &str| Some(text.to_string()).filter(|text| !text.is_empty());
        Machine::from_sources(known(os), known(smbios)).on(cards.iter().map(|card| card.to_string()), known(cloud))
    }

    /// What a start on the second machine does to an identity of the first.
    fn moved(first: Machine, second: Machine) -> Outcome {
        let mut config = Config::default();
        let fresh = || Ok::<_, ()>("fresh".to_string());
        ensure(&mut config, first, fresh).unwrap();
        ensure(&mut config, second, fresh).unwrap()
    }

    #[test]
    fn a_clone_that_shares_both_ids_is_noticed_by_its_network_cards() {
        assert_eq!(moved(seen(A, UUID_A, &[CARD_A], ""), seen(A, UUID_A, &[CARD_B], "")), Outcome::Replaced);
        assert_eq!(moved(seen(A, "", &[CARD_A], ""), seen(A, "", &[CARD_B], "")), Outcome::Replaced, "not root");
    }

    #[test]
    fn a_clone_that_shares_everything_else_is_noticed_by_its_cloud() {
        assert_eq!(moved(seen(A, UUID_A, &[CARD_A], "i-1"), seen(A, UUID_A, &[CARD_A], "i-2")), Outcome::Replaced);
    }

    #[test]
    fn a_machine_id_made_anew_keeps_the_identity_on_the_same_hardware() {
        let first = seen(A, UUID_A, &[CARD_A], "");
        assert_eq!(moved(first.clone(), seen(B, UUID_A, &[CARD_A], "")), Outcome::Bound);
        assert_eq!(moved(first.clone(), seen(B, "", &[CARD_A], "")), Outcome::Bound, "not root");
        assert_eq!(moved(first.clone(), seen(B, UUID_B, &[CARD_A], "")), Outcome::Replaced);
        assert_eq!(moved(first, seen(B, UUID_A, &[CARD_B], "")), Outcome::Replaced);
    }

    #[test]
    fn containers_of_one_host_share_its_uuid_and_are_told_apart_by_their_machine_ids() {
        assert_eq!(moved(seen(A, UUID_A, &[], ""), seen(B, UUID_A, &[], "")), Outcome::Replaced);
    }

    #[test]
    fn a_card_more_or_less_or_none_for_a_while_is_the_same_machine() {
        let both = seen(A, UUID_A, &[CARD_A, CARD_B], "");
        assert_eq!(moved(both.clone(), seen(A, UUID_A, &[CARD_B, CARD_C], "")), Outcome::Bound);
        assert_eq!(moved(both.clone(), seen(A, UUID_A, &[], "")), Outcome::Kept);
        let mut config = Config::default();
        let fresh = || Ok::<_, ()>("fresh".to_string());
        for (machine, outcome) in [
            (both, Outcome::Made),
            (seen(A, UUID_A, &[], ""), Outcome::Kept),
            (seen(A, UUID_A, &[CARD_C], ""), Outcome::Replaced),
        ] {
            assert_eq!(ensure(&mut config, machine, fresh), Ok(outcome));
        }
    }

    #[test]
    fn addresses_that_move_on_one_machine_are_not_looked_at() {
        assert_eq!(seen("", "", &["00:15:5D:01:02:03", "42:01:0a:80:00:02", "00:00:00:00:00:00", "x"], ""), Machine::default());
    }

    #[test]
    fn an_identity_bound_by_an_earlier_version_survives_the_upgrade_and_learns_the_rest() {
        let mut config = Config::default();
        config.set("vlinkCoreId", "first");
        let id = UUID_A.to_ascii_lowercase().replace('-', "");
        config.set("vlinkMachineId", &format!("os={A};smbios={id}"));
        let now = seen(A, UUID_A, &[CARD_B, CARD_A], "i-1");
        assert_eq!(ensure(&mut config, now, || Err("made one")), Ok(Outcome::Bound));
        assert_eq!(config.get("vlinkCoreId"), Some("first"));
        let expected = format!("os={A};smbios={id};mac=52540000000a,52540000000b;cloud=i-1");
        assert_eq!(config.get("vlinkMachineId"), Some(expected.as_str()));
    }

    #[test]
    fn a_cloud_id_cannot_bring_parts_of_its_own() {
        for text in ["a;os=1", "a b", "", "iid-datasource-none\n", &"x".repeat(129)] {
            assert_eq!(usable_cloud(text), None, "{text:?}");
        }
        assert_eq!(usable_cloud("i-0abc\n").as_deref(), Some("i-0abc"));
    }

    #[test]
    fn placeholders_are_no_ids() {
        assert_eq!(machine(Some("uninitialized\n"), Some("00000000-0000-0000-0000-000000000000")), Machine::default());
        assert_eq!(machine(Some(""), Some("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF")), Machine::default());
    }

    #[test]
    fn a_uuid_says_version_4_and_its_variant() {
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
