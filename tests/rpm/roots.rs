//! Where it is installed: --prefix, the answer file, names with spaces; and upgrades that must find it again.
use crate::common::{Machine, Place, Scratch};
use crate::sample::{endpoint, unchanged, Endpoint, Sample, ANSWERS, NAME, ROOT, SHELF};

const ONE: &str = "1.0.0";
const TWO: &str = "1.1.0";

fn both() -> Scratch {
    endpoint(&[Sample::new(ONE), Sample::new(TWO)])
}

/// Installs, upgrades and erases; afterwards the endpoint is as it was before.
fn lives_below(machine: &Machine, root: &str, options: &str) {
    let before = machine.files();
    machine.rpm(&format!("-i {options}"), ONE).ok();
    machine.is_whole(ONE, root);
    let identity = machine.identity(root);
    assert_eq!(machine.reports("installed", 0)["root"], root);
    machine.rpm(&format!("-U {options}"), TWO).ok();
    machine.is_whole(TWO, root);
    assert_eq!(machine.identity(root), identity);
    let answers = machine.sh(&format!("cat {ANSWERS} 2>/dev/null || :")).ok().stdout;
    machine.purge(root).ok().never_says("warning");
    // A purge takes the answers as well, which this machine had before.
    if !answers.is_empty() {
        assert!(!machine.exists(ANSWERS));
        machine.write(ANSWERS, answers.as_str());
    }
    unchanged(&before, &machine.files());
}

#[test]
fn a_prefix_moves_everything_and_the_same_prefix_upgrades() {
    let scratch = both();
    let machine = scratch.boot();
    lives_below(&machine, "/opt/jp", "--prefix /opt/jp");
    assert!(!machine.exists(ROOT));
}

#[test]
fn a_prefix_may_hold_spaces() {
    let scratch = both();
    lives_below(&scratch.boot(), "/opt/Our Agents/link pack", "--prefix '/opt/Our Agents/link pack'");
}

#[test]
fn an_upgrade_without_the_prefix_is_refused_with_the_command_that_works() {
    let scratch = both();
    let machine = scratch.boot();
    machine.rpm("-i --prefix '/opt/the root'", ONE).ok();
    machine.identity("/opt/the root");
    let before = machine.tree("/opt/the root/vAgentManager");
    let remedy = "rpm -U --prefix '/opt/the root' PACKAGE.rpm";
    machine.rpm("-U", TWO).fails().says(remedy).says("installed in /opt/the root");
    machine.reports("refused", 17);
    machine.rpm("-U --prefix /opt/third", TWO).fails().says(remedy);
    machine.is_whole(ONE, "/opt/the root");
    unchanged(&before, &machine.tree("/opt/the root/vAgentManager"));
    assert!(!machine.exists(ROOT) && !machine.exists("/opt/third"));
    assert_eq!(machine.starts(), 1);
    machine.sh(&remedy.replace("PACKAGE", &format!("{SHELF}/{TWO}"))).ok();
    machine.is_whole(TWO, "/opt/the root");
}

#[test]
fn the_answer_file_moves_the_root_through_a_link_and_an_upgrade_keeps_it() {
    let scratch = both();
    scratch.write(ANSWERS, "INSTALL_ROOT=/opt/other\n");
    let machine = scratch.boot();
    lives_below(&machine, "/opt/other", "");
    assert!(!machine.exists("/opt/other") && !machine.exists(ROOT));
    assert_eq!(machine.read(ANSWERS), "INSTALL_ROOT=/opt/other\n");
    machine.rpm("-i", ONE).ok();
    assert_eq!(machine.cmd("readlink").arg(ROOT).run().ok().line(), "/opt/other");
    assert_eq!(machine.sh(&format!("rpm -qf {ROOT}/vAgentManager/vlink")).ok().line(), format!("{NAME}-{ONE}-1.x86_64"));
    // Without the answer file, or with --prefix to where it is already, nothing moves.
    machine.sh(&format!("rm {ANSWERS}")).ok();
    machine.rpm("-U --prefix /opt/other", TWO).fails().says("leave --prefix out");
    machine.is_whole(ONE, "/opt/other");
    machine.rpm("-U", TWO).ok();
    machine.is_whole(TWO, "/opt/other");
}

#[test]
fn the_answer_files_root_may_hold_spaces() {
    let scratch = both();
    scratch.write(ANSWERS, "INSTALL_ROOT=/opt/Our Agents/link pack\n");
    lives_below(&scratch.boot(), "/opt/Our Agents/link pack", "");
}

#[test]
fn another_root_in_the_answer_file_does_not_move_an_installation() {
    let scratch = both();
    let machine = scratch.boot();
    machine.rpm("-i", ONE).ok();
    machine.write(ANSWERS, "INSTALL_ROOT=/opt/other\n");
    machine.rpm("-U", TWO).fails().says("leave INSTALL_ROOT out");
    machine.reports("refused", 17);
    machine.is_whole(ONE, ROOT);
    assert!(!machine.exists("/opt/other"));
}

#[test]
fn a_link_at_the_packaged_root_that_root_does_not_own_is_refused() {
    let scratch = endpoint(&[Sample::new(ONE)]);
    scratch.write(ANSWERS, "INSTALL_ROOT=/opt/other\n");
    scratch.sh(&format!("mkdir -p /usr/local && ln -s /opt/other {ROOT} && chown -h nobody {ROOT}")).ok();
    scratch.rpm("-i", ONE).fails().says(&format!("{ROOT} is a link that root does not own"));
    scratch.reports("refused", 17);
    assert!(!scratch.exists("/opt/other") && !scratch.exists("/etc/init.d/vlink"));
}
