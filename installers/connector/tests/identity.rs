//! The endpoint's identity across starts, machines and accounts.

mod common;

use std::fs;
use std::process::Command;

use common::{mode, until, Endpoint, Running};

const OTHER: &str = "00112233445566778899aabbccddeeff";

const CARD: &str = "52:54:00:00:00:0a";
const OTHER_CARD: &str = "52:54:00:00:00:0b";

/// Starts the connector in a mount namespace whose /etc/machine-id holds this text and whose one network card has
/// this address.
fn start_on(endpoint: &Endpoint, machine_id: &str, card: &str) -> Running {
    let (file, net) = (endpoint.base.join("machine-id"), endpoint.base.join("net"));
    fs::write(&file, machine_id).unwrap();
    let interface = net.join("eth0");
    fs::create_dir_all(interface.join("device")).unwrap();
    for (name, text) in [("address", card), ("type", "1"), ("addr_assign_type", "0")] {
        fs::write(interface.join(name), text).unwrap();
    }
    let script = r#"mount --bind "$0" /etc/machine-id && mount --bind "$1" /sys/class/net && shift && exec "$@""#;
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", script]);
    command.arg(&file).arg(&net).arg(env!("CARGO_BIN_EXE_vlink")).args(endpoint.arguments());
    endpoint.start_with(command)
}

fn start_on_machine(endpoint: &Endpoint, machine_id: &str) -> Running {
    start_on(endpoint, machine_id, CARD)
}

/// The identity after one run.
fn one_run(endpoint: &Endpoint, mut running: Running) -> String {
    until("the connector is up", || !endpoint.status().is_empty());
    let identity = endpoint.setting("vlinkCoreId");
    let shown = fs::read_to_string(endpoint.run_dir().join("status")).unwrap();
    assert!(!shown.contains(&identity), "everybody may read the status file: {shown}");
    running.stop();
    assert_eq!(endpoint.setting("vlinkCoreId"), identity);
    identity
}

fn is_uuid4(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && &text[14..15] == "4" && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

#[test]
fn the_first_start_makes_an_identity_and_the_second_keeps_it() {
    let endpoint = Endpoint::new();
    let settings =
        "# by the installer\nserverUrl: \"https://core.example:443\"\nvlinkCoreId: \"\"\nsome.future.key: \"a \\\"b\\\"\"\n";
    endpoint.write_config(settings);
    let first = one_run(&endpoint, endpoint.start());
    assert!(is_uuid4(&first), "{first}");
    assert_eq!(mode(&endpoint.config()), 0o600);
    let text = fs::read_to_string(endpoint.config()).unwrap();
    assert!(text.starts_with(&settings.replace("vlinkCoreId: \"\"", &format!("vlinkCoreId: \"{first}\""))), "{text}");
    assert_eq!(one_run(&endpoint, endpoint.start()), first);
    assert_eq!(fs::read_to_string(endpoint.config()).unwrap(), text);
    let names: Vec<_> = fs::read_dir(endpoint.config().parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["csclient.cfg"], "something was left beside the configuration");
}

#[test]
fn a_missing_configuration_is_made_with_the_identity_only() {
    let endpoint = Endpoint::new();
    let identity = one_run(&endpoint, start_on_machine(&endpoint, OTHER));
    let text = fs::read_to_string(endpoint.config()).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(format!("vlinkCoreId: \"{identity}\"").as_str()));
    assert!(lines.next().unwrap().starts_with(&format!("vlinkMachineId: \"os={OTHER}")));
    assert_eq!(lines.next(), None);
}

#[test]
fn a_clone_drops_the_identity_and_makes_its_own() {
    let endpoint = Endpoint::new();
    let original = one_run(&endpoint, start_on_machine(&endpoint, OTHER));
    assert_eq!(one_run(&endpoint, start_on_machine(&endpoint, OTHER)), original);
    let clone = one_run(&endpoint, start_on(&endpoint, &OTHER.replace("00", "77"), OTHER_CARD));
    assert!(is_uuid4(&clone));
    assert_ne!(clone, original);
    assert!(endpoint.log().contains("this is a clone"), "{}", endpoint.log());
    assert!(!fs::read_to_string(endpoint.config()).unwrap().contains(OTHER));
}

#[test]
fn a_clone_that_copied_the_machine_id_is_noticed_by_its_network_card() {
    let endpoint = Endpoint::new();
    let original = one_run(&endpoint, start_on(&endpoint, OTHER, CARD));
    assert_ne!(one_run(&endpoint, start_on(&endpoint, OTHER, OTHER_CARD)), original);
}

#[test]
fn a_machine_id_made_anew_is_no_clone() {
    let endpoint = Endpoint::new();
    let original = one_run(&endpoint, start_on(&endpoint, OTHER, CARD));
    let renewed = OTHER.replace("00", "77");
    assert_eq!(one_run(&endpoint, start_on(&endpoint, &renewed, CARD)), original);
    assert!(endpoint.setting("vlinkMachineId").contains(&renewed), "it is bound to the new id");
    assert_ne!(one_run(&endpoint, start_on(&endpoint, OTHER, OTHER_CARD)), original);
}

#[test]
fn an_identity_given_at_install_is_bound_and_then_guarded() {
    let endpoint = Endpoint::new();
    endpoint.write_config("vlinkCoreId: \"given-by-core\"\n");
    assert_eq!(one_run(&endpoint, start_on_machine(&endpoint, OTHER)), "given-by-core");
    assert!(endpoint.setting("vlinkMachineId").contains(OTHER));
    assert_ne!(one_run(&endpoint, start_on(&endpoint, &OTHER.replace("00", "77"), OTHER_CARD)), "given-by-core");
}

#[test]
fn a_machine_without_an_id_keeps_the_identity() {
    let endpoint = Endpoint::new();
    let original = one_run(&endpoint, start_on_machine(&endpoint, OTHER));
    assert_eq!(one_run(&endpoint, start_on_machine(&endpoint, "uninitialized\n")), original);
    assert!(endpoint.setting("vlinkMachineId").contains(OTHER), "what was known is forgotten");
}

#[test]
fn an_identity_that_cannot_be_kept_is_an_error() {
    let endpoint = Endpoint::new();
    // A file where the directory should be: also root cannot write below it.
    fs::write(endpoint.root().join("components"), "").unwrap();
    let (status, _) = endpoint.start().end();
    assert_eq!(status.code(), Some(1));
    assert!(endpoint.log().contains("csclient.cfg"), "{}", endpoint.log());
    assert!(!endpoint.run_dir().join("vlink.pid").exists());
}
