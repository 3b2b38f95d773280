//! Services that an upgrade stops and leaves stopped.
//!
//! dpkg calls the old prerm with `upgrade` and then the new postinst; rpm calls the new %post and *then* the old %preun with 1, and %postun.

use super::shell::{commands, conditions, Command};
use super::{Findings, Place, Subject};
use crate::manager::Scripts;
use crate::report::Script;

/// What starts a service. It may stand in a variable, as in debhelper's scripts.
const START: [&str; 7] = ["start", "restart", "try-restart", "reload-or-restart", "condrestart", "$_dh_action", "$action"];

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    let Some(Scripts { stops, starts, is_removal, remedy, .. }) = subject.manager().map(|manager| &manager.scripts) else {
        return;
    };
    stopped_at_last(subject, findings);
    let script = |name: &str| subject.report.scripts.iter().find(|script| script.name == name);
    let started = starts.iter().filter_map(|name| script(name)).any(|script| lines(script, &START).next().is_some());
    if started {
        return;
    }
    for script in stops.iter().filter_map(|name| script(name)) {
        let conditions = conditions(&script.text);
        let at_upgrade = |line: &usize| conditions.get(line - 1).is_none_or(|all| !is_removal(all));
        let Some(line) = lines(script, &["stop"]).find(at_upgrade) else { continue };
        let what = format!("line {line} stops a service also at an upgrade, and nothing starts it again");
        findings.error("service-stopped", Place::part(&script.name), what, remedy);
    }
}

/// What runs last stops a service of the package, and nothing that runs then or later starts it.
fn stopped_at_last(subject: &Subject, findings: &mut Findings) {
    let Some(Scripts { last, last_starts, .. }) = subject.manager().map(|manager| &manager.scripts) else { return };
    let script = |name: &str| subject.report.scripts.iter().find(|script| script.name == name);
    let Some(script_of) = script(last) else { return };
    if last_starts.iter().filter_map(|name| script(name)).any(|script| lines(script, &START).next().is_some()) {
        return;
    }
    let own = |command: &Command| {
        let is = |word: &str| {
            let name = word.rsplit('/').next().unwrap_or(word).trim_end_matches(".service");
            subject.report.services.iter().any(|service| service.name == name)
        };
        acts(command, &["stop"]) && command.words.iter().any(|word| is(word))
    };
    if let Some(command) = commands(&script_of.text).iter().find(|command| own(command)) {
        let what = format!("line {} stops a service of this package, and nothing starts it again", command.line);
        findings.error("service-stopped", Place::part(&script_of.name), what, "restart it there (try-restart)");
    }
}

/// The lines where a script has one of these done to a service.
fn lines(script: &Script, actions: &[&str]) -> impl Iterator<Item = usize> {
    let found: Vec<usize> =
        commands(&script.text).iter().filter(|command| acts(command, actions)).map(|command| command.line).collect();
    found.into_iter()
}

fn acts(command: &Command, actions: &[&str]) -> bool {
    let whole = command.words.join(" ");
    let action = command.arguments().iter().any(|word| actions.contains(&word.as_str()));
    let service =
        matches!(command.program(), "systemctl" | "deb-systemd-invoke" | "service" | "invoke-rc.d" | "rc-service" | "initctl");
    let script = whole.contains("/etc/init.d/") || whole.contains("/etc/rc.d/init.d/");
    // A user's or another machine's services, and `systemctl stop` of a unit that is a timer's, count the same.
    action && (service || script)
}
