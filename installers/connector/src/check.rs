//! `vlink check`: what a start would find wrong, without starting anything.

use crate::connector::read;
use crate::identity;
use crate::launch::{launch, Layout, Usual};
use crate::logs;
use crate::plan::{plan, Planned};
use crate::platform::{self, BASE_ENVIRONMENT};
use crate::policy::Policy;

/// What was looked at, and what is wrong with it; one sentence each.
pub struct Report {
    pub lines: Vec<String>,
    pub problems: Vec<String>,
}

/// Looks at the configuration and at every container.
pub fn check(layout: &Layout) -> Report {
    let mut report = Report { lines: Vec::new(), problems: Vec::new() };
    if !layout.root.is_dir() {
        report.problems.push(format!("{} is not a directory", layout.root.display()));
        return report;
    }
    let config = match read(layout) {
        Ok(config) => config,
        Err(why) => {
            report.problems.push(why);
            return report;
        }
    };
    let path = layout.config();
    let problems = config.problems().into_iter().chain(logs::limit(&config).1);
    report.problems.extend(problems.map(|why| format!("{}: {why}", path.display())));
    let policy = Policy::read(&layout.names);
    if !policy.names().is_empty() {
        report.lines.push(format!("group policy: {}", policy.names()));
    }
    report.problems.extend(policy.faults.iter().cloned());
    let config = policy.over(&config);
    let identity = if identity::core_id(&config).is_some() { "present" } else { "will be made at the first start" };
    report.lines.push(format!("identity: {identity}"));
    match plan(&layout.containers(), &config) {
        Ok(planned) => planned.iter().for_each(|planned| container(layout, planned, &mut report)),
        Err(why) => report.problems.push(why),
    }
    report
}

fn container(layout: &Layout, planned: &Planned, report: &mut Report) {
    let name = crate::log::one_line(&planned.name);
    if let Some(descriptor) = planned.descriptor.as_ref().ok().filter(|descriptor| descriptor.command.is_empty()) {
        report.lines.push(format!("container {name} {}: holds data", descriptor.version));
        return;
    }
    let verdict = planned.descriptor.as_ref().map_err(String::clone).and_then(|descriptor| {
        let launch = launch(layout, descriptor, BASE_ENVIRONMENT, &Usual::default());
        platform::vet(&launch).map(|()| descriptor.version.as_str())
    });
    match verdict {
        Ok(version) => {
            let choice = if planned.chosen { "runs" } else { "left out by csclient.cfg" };
            report.lines.push(format!("container {name} {version}: {choice}"));
        }
        Err(why) => report.problems.push(format!("container {name}: {}", crate::log::one_line(&why))),
    }
}
