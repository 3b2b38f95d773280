//! Kills at random moments.
use super::channel::{listing, Channel, Endpoint, BAD, GOOD};
use super::*;

/// Kills per format in an ordinary run of the tests.
const KILLS: u64 = 6;
/// A fresh machine after so many.
const PER_MACHINE: u64 = 5;

#[track_caller]
fn killed_at_random(channel: Channel) {
    let mut random = Random(setting("LINKPACK_KILL_SEED", 1) + channel as u64 * 1000);
    let tries = setting("LINKPACK_KILLS", KILLS);
    let (mut left, mut at_work) = (tries, 0);
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
            at_work += u64::from(one_kill(&endpoint, &mut random));
        }
        endpoint.is_removed_whole(&before);
    }
    eprintln!("{channel:?}: {tries} installations, {at_work} killed at work: each time a version ran after the next command");
    assert!(tries < 20 || at_work > tries / 4, "{at_work} of {tries} installations were at work when they were killed");
}

/// One installation killed, then a whole one. Whether there was something left to kill.
#[track_caller]
fn one_kill(endpoint: &Endpoint, random: &mut Random) -> bool {
    let any = [GOOD[0], GOOD[1], BAD];
    let (killed, next) = (any[random.below(3) as usize], any[random.below(3) as usize]);
    // Half of the moments lie in the first second, where files move; the rest up to where most installations have ended.
    let moment = if random.below(2) == 0 { random.below(1000) } else { random.below(6000) };
    let whole = random.below(3) > 0;
    let had_good = endpoint.machine.sh("grep -qs '^version=1.[01].0' /var/lib/intigua/state").code == Some(0);
    eprintln!("{:?}: {killed} killed after {moment} ms ({}), then {next}", endpoint.channel, if whole { "all" } else { "alone" });
    let at_work = endpoint.kill(killed, &format!("sleep {:.3}", moment as f64 / 1000.0), whole);
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
    at_work
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
