//! Kills at random moments.
use super::channel::{listing, Channel, Endpoint, BAD, GOOD};
use super::*;

/// SplitMix64: the same seed gives the same choices.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Kills per format in an ordinary run of the tests.
const KILLS: u64 = 5;
/// A fresh machine after so many.
const PER_MACHINE: u64 = 5;

#[track_caller]
fn killed_at_random(channel: Channel) {
    let mut random = Random(setting("LINKPACK_KILL_SEED", 1) + channel as u64 * 1000);
    let mut left = setting("LINKPACK_KILLS", KILLS);
    let scratch = Scratch::debian();
    Endpoint::offer(&scratch, channel);
    let machine = scratch.live_sysv();
    let endpoint = Endpoint::new(&machine, channel);
    let before = listing(&machine);
    while left > 0 {
        // Every other machine gets its first installation killed.
        if random.below(2) == 0 {
            assert_eq!(endpoint.install(GOOD[0]), ("installed".into(), 0));
        }
        for _ in 0..left.min(PER_MACHINE) {
            left -= 1;
            one_kill(&endpoint, &mut random);
        }
        endpoint.is_removed_whole(&before);
    }
}

/// One installation killed, then a whole one.
#[track_caller]
fn one_kill(endpoint: &Endpoint, random: &mut Random) {
    let any = [GOOD[0], GOOD[1], BAD];
    let (killed, next) = (any[random.below(3) as usize], any[random.below(3) as usize]);
    // Half of the moments lie in the first second, where files move; the rest up to where most installations have ended.
    let moment = if random.below(2) == 0 { random.below(1000) } else { random.below(6000) };
    let whole = random.below(3) > 0;
    let had_good = endpoint.machine.sh("grep -qs '^version=1.[01].0' /var/lib/intigua/state").code == Some(0);
    eprintln!("{:?}: {killed} killed after {moment} ms ({}), then {next}", endpoint.channel, if whole { "all" } else { "alone" });
    endpoint.kill(killed, &format!("sleep {:.3}", moment as f64 / 1000.0), whole);
    if matches!(endpoint.channel, Channel::Deb) && random.below(2) == 0 {
        let _ = endpoint.machine.sh("dpkg --configure -a --force-confold");
    }
    let outcome = endpoint.install(next);
    if next != BAD {
        assert_eq!(outcome.1, 0, "a good version after a kill: {outcome:?}");
        endpoint.runs(&[next]);
    } else if had_good {
        assert_eq!(outcome, ("rolled_back".into(), 31), "a bad version after a kill goes back");
        endpoint.runs(&GOOD);
    } else {
        assert_eq!(outcome.1, 31, "a bad version that was killed first: {outcome:?}");
    }
}

#[test]
fn a_deb_killed_at_random_never_leaves_the_endpoint_without_a_version_that_works() {
    killed_at_random(Channel::Deb);
}

#[test]
fn an_rpm_killed_at_random_never_leaves_the_endpoint_without_a_version_that_works() {
    killed_at_random(Channel::Rpm);
}

#[test]
fn a_run_killed_at_random_never_leaves_the_endpoint_without_a_version_that_works() {
    killed_at_random(Channel::Run);
}
