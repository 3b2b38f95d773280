//! One format on an endpoint: how it is installed, killed, judged and removed.
use super::*;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashMap;

pub const ROOT: &str = "/usr/local/intigua";
const NAME: &str = "intigua-sample";

/// The versions on offer: two that work, and one whose connector ends at once.
pub const GOOD: [&str; 2] = ["1.0.0", "1.1.0"];
pub const BAD: &str = "1.2.0";

/// A package format, as an administrator handles it.
#[derive(Clone, Copy, Debug)]
pub enum Channel {
    Deb,
    Rpm,
    Run,
}

impl Channel {
    fn format(self) -> &'static str {
        match self {
            Channel::Deb => "deb",
            Channel::Rpm => "rpm",
            Channel::Run => "run",
        }
    }

    /// The command that installs a version over any other.
    pub fn install(self, version: &str) -> String {
        let file = format!("/packages/{version}.{}", self.format());
        match self {
            Channel::Deb => format!("ALLOW_DOWNGRADE=1 dpkg --force-confold -i {file}"),
            Channel::Rpm => format!("rpm -U --nodeps --oldpackage --replacepkgs {file}"),
            Channel::Run => format!("sh {file} --allow-downgrade"),
        }
    }

    fn remove(self) -> String {
        match self {
            Channel::Deb => format!("dpkg --purge --force-remove-reinstreq {NAME}"),
            // A killed upgrade may have left both versions in rpm's database; what was put back is an edited file to it, and saved.
            Channel::Rpm => format!(
                "! rpm -q {NAME} || {{ {ROOT}/bin/linkctl purge; rpm -e --allmatches {NAME}; }}; cd {ROOT} 2>/dev/null || exit 0; \
                 rm -f Intigua-Libs/pulse/etc/pulse.conf.rpm*; rmdir -p {ROOT}/Intigua-Libs/pulse/etc 2>/dev/null; :"
            ),
            Channel::Run => format!("sh /packages/{}.run --uninstall --purge", GOOD[0]),
        }
    }
}

/// rpm names its temporary files by the second in which it began, and stumbles over those that a killed one of the same second left
/// ("cpio: open failed", with an old error's text behind it). docs/endpoint.md says to run it again a second later.
pub const NEXT_SECOND: &str = "now=$(date +%s); while [ \"$(date +%s)\" = \"$now\" ]; do sleep 0.1; done";

/// An endpoint with the packages of one format on it.
pub struct Endpoint<'a> {
    pub machine: &'a Machine<'a>,
    pub channel: Channel,
    /// The files of each version, as they were when it was first seen whole.
    files: RefCell<HashMap<String, String>>,
}

impl<'a> Endpoint<'a> {
    pub fn new(machine: &'a Machine<'a>, channel: Channel) -> Self {
        Endpoint { machine, channel, files: RefCell::default() }
    }

    /// Puts the packages into a root that is to become a machine.
    pub fn offer(scratch: &Scratch, channel: Channel) {
        let products = [Product::sample(GOOD[0]), Product::sample(GOOD[1]), Product::broken(BAD)];
        for (product, version) in products.iter().zip([GOOD[0], GOOD[1], BAD]) {
            let format = channel.format();
            scratch.copy_in(&product.build(format), &format!("/packages/{version}.{format}"));
        }
    }

    /// Installs to the end. An installer that lost its package manager may still be at work: it is waited for, as its refusal asks.
    #[track_caller]
    pub fn install(&self, version: &str) -> (String, i64) {
        let start = Instant::now();
        loop {
            let said = self.machine.sh(&self.channel.install(version));
            // Both are said before there is a result; install.json may by now be that of the orphan that was waited for.
            let busy = ["is locked by another process", "another installation is running", "another installation has just ended"];
            if !busy.iter().any(|busy| said.stderr.contains(busy)) {
                let outcome = self.outcome(&said);
                eprintln!("{outcome:?}: {said}");
                return outcome;
            }
            assert!(start.elapsed() < Duration::from_secs(120), "busy for ever: {said}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    #[track_caller]
    fn outcome(&self, said: &Output) -> (String, i64) {
        let text = self.machine.sh("cat /var/log/intigua/install.json").stdout;
        let result: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no install.json: {said}"));
        (result["outcome"].as_str().expect("outcome").to_owned(), result["exit_code"].as_i64().expect("exit_code"))
    }

    /// Starts an installation and kills it, with all that it started (`whole`) or alone, as soon as the shell commands `until` have ended.
    /// Says whether there was something left to kill. (dash's kill takes no `--`.)
    #[track_caller]
    pub fn kill(&self, version: &str, until: &str, whole: bool) -> bool {
        let group = if whole { "-" } else { "" };
        let command = self.channel.install(version);
        let script =
            format!("setsid env {command} >/dev/null 2>&1 </dev/null & {until}; kill -KILL {group}$!; code=$?; wait; exit $code");
        let killed = self.machine.sh(&script).code == Some(0);
        if matches!(self.channel, Channel::Rpm) {
            self.machine.sh(NEXT_SECOND).ok();
        }
        killed
    }

    /// A version that works is in place, alive, and whole to its package manager; nothing of an installation under way is left.
    #[track_caller]
    pub fn runs(&self, versions: &[&str]) {
        let start = Instant::now();
        let version = loop {
            let status = self.machine.cmd(&format!("{ROOT}/bin/linkctl")).args(["status", "--json"]).run();
            let report: Value = serde_json::from_str(&status.stdout).unwrap_or(Value::Null);
            let version = report["version"].as_str().unwrap_or_default().to_owned();
            if status.code == Some(0) && versions.contains(&version.as_str()) {
                break version;
            }
            let log = || self.machine.sh("tail -n 20 /var/log/intigua/*.log; cat /var/lib/intigua/*").stdout;
            assert!(start.elapsed() < Duration::from_secs(120), "none of {versions:?} runs: {status}\n{}", log());
            std::thread::sleep(Duration::from_millis(100));
        };
        // The configuration file may be an edited one: to a package manager, what was put back is.
        let files = self.machine.sh(&format!(
            "cd {ROOT} && find -L vAgentManager Intigua-Libs bin -type f ! -name 'pulse.conf*' -exec sha256sum {{}} + | sort -k 2"
        ));
        let whole = self.files.borrow_mut().entry(version.clone()).or_insert_with(|| files.stdout.clone()).clone();
        assert_eq!(files.ok().stdout, whole, "the files of {version}");
        // What an installation leaves for the next one is no part of an unfinished one: the state and its copy, what was written, and
        // that a version was put back.
        let left = self.machine.sh(&format!(
            "ls -A {ROOT}/.linkpack | grep -vx -e orphans -e state; ls -A /var/lib/intigua | grep -vx -e written -e settings -e account -e rolled_back"
        ));
        assert_eq!(left.line(), "lock\nstate", "of an installation");
    }

    /// Removes everything, and finds the machine as it was.
    #[track_caller]
    pub fn is_removed_whole(&self, before: &[String]) {
        let said = self.machine.sh(&self.channel.remove()).ok();
        let after = listing(self.machine);
        let left: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
        let gone: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
        assert!(left.is_empty() && gone.is_empty(), "left: {left:#?}\ngone: {gone:#?}\n{said}");
        let alive = self.machine.cmd("pgrep").args(["-af", "vAgentManager|Intigua-Libs"]).run();
        assert_eq!(alive.stdout, "", "processes are left");
    }
}

/// What lies on the machine, apart from the package managers' own files.
pub fn listing(place: &impl Place) -> Vec<String> {
    const OTHERS: [&str; 8] = [
        "/sys",
        "/root/.rpmdb",
        "/packages",
        "/var/lib/dpkg",
        "/var/lib/rpm",
        "/var/cache/debconf",
        "/var/log/dpkg.log",
        "/var/tmp/rpm-tmp.",
    ];
    let mut lines = place.tree("/");
    lines.retain(|line| !OTHERS.iter().any(|other| line.contains(&format!(" {other}"))));
    lines
}
