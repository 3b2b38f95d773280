//! Kills at moments that were once a fault.
use super::channel::{listing, Channel, Endpoint, BAD, GOOD};
use super::*;

/// The new version is registered, and nobody has seen it come up yet.
const REGISTERED: &str = "touch /packages/seen; until [ /var/lib/intigua/state -nt /packages/seen ] && grep -qs '^version=1.2.0' /var/lib/intigua/state; do sleep 0.01; done";

#[track_caller]
fn the_bad_version_again(channel: Channel) {
    let scratch = Scratch::debian();
    Endpoint::offer(&scratch, channel);
    let machine = scratch.live_sysv();
    let endpoint = Endpoint::new(&machine, channel);
    assert_eq!(endpoint.install(GOOD[0]), ("installed".into(), 0));
    for _ in 0..2 {
        assert!(endpoint.kill(BAD, REGISTERED, true), "killed");
    }
    assert_eq!(endpoint.install(BAD), ("rolled_back".into(), 31), "{channel:?}");
    endpoint.runs(&GOOD[..1]);
    assert!(endpoint.kill(BAD, REGISTERED, true), "killed");
    assert_eq!(endpoint.install(GOOD[1]).1, 0, "{channel:?}");
    endpoint.runs(&GOOD[1..]);
}

#[test]
fn a_bad_deb_killed_before_it_was_seen_up_and_installed_again_goes_back_to_the_good_one() {
    the_bad_version_again(Channel::Deb);
}

#[test]
fn a_bad_rpm_killed_before_it_was_seen_up_and_installed_again_goes_back_to_the_good_one() {
    the_bad_version_again(Channel::Rpm);
}

#[test]
fn a_bad_run_killed_before_it_was_seen_up_and_installed_again_goes_back_to_the_good_one() {
    the_bad_version_again(Channel::Run);
}

/// A first installation was never seen up: there is nothing to go back to, and nothing to call a failed rollback.
#[track_caller]
fn the_bad_version_first(channel: Channel, outcome: &str) {
    let scratch = Scratch::debian();
    Endpoint::offer(&scratch, channel);
    let machine = scratch.live_sysv();
    let before = listing(&machine);
    let endpoint = Endpoint::new(&machine, channel);
    assert!(endpoint.kill(BAD, REGISTERED, true), "killed");
    assert_eq!(endpoint.install(BAD), (outcome.into(), 31), "{channel:?}");
    // One that was killed may have come as far as its state; one that ended by itself has gone back.
    let killed = endpoint.kill(BAD, "sleep 1", true);
    let (outcome, code) = endpoint.install(GOOD[1]);
    assert_eq!(code, 0, "{channel:?}: {outcome}");
    assert!(outcome == "installed" || killed && outcome == "upgraded", "{channel:?}: {outcome}, killed: {killed}");
    endpoint.runs(&GOOD[1..]);
    endpoint.is_removed_whole(&before);
}

#[test]
fn a_bad_first_deb_killed_and_installed_again_is_left_for_inspection() {
    the_bad_version_first(Channel::Deb, "failed");
}

#[test]
fn a_bad_first_rpm_killed_and_installed_again_is_left_for_inspection() {
    the_bad_version_first(Channel::Rpm, "failed");
}

#[test]
fn a_bad_first_run_killed_and_installed_again_is_removed() {
    the_bad_version_first(Channel::Run, "rolled_back");
}

/// The configuration is written, and the state that says whose it is is not.
const CONFIGURED: &str = "until [ -f /usr/local/intigua/components/csclient.cfg ]; do :; done";

/// Killed there, an installation must not take its own configuration for an administrator's, which an uninstall leaves. (dpkg's purge
/// leaves none, so that it would not show.)
#[test]
fn an_rpm_killed_between_configuration_and_state_is_removed_whole_later() {
    /// How often the moment may be missed.
    const TRIES: usize = 10;
    let scratch = Scratch::debian();
    Endpoint::offer(&scratch, Channel::Rpm);
    let machine = scratch.live_sysv();
    let before = listing(&machine);
    let endpoint = Endpoint::new(&machine, Channel::Rpm);
    let hit = (0..TRIES).any(|_| {
        endpoint.kill(GOOD[0], CONFIGURED, true);
        let hit = machine.sh("[ ! -e /var/lib/intigua/state ]").code == Some(0);
        // The next one is killed as well: what the first wrote stays known.
        endpoint.kill(GOOD[1], "sleep 0.3", true);
        assert_eq!(endpoint.install(GOOD[1]).1, 0);
        endpoint.runs(&GOOD[1..]);
        endpoint.is_removed_whole(&before);
        hit
    });
    assert!(hit, "{TRIES} kills came too late");
}
