//! The signature that a `.run` carries, checked by itself and by plain openssl.

use super::sandbox::product::{self, GOOD};
use super::sandbox::{Sandbox, SHELLS};
use base64ct::{Base64, Encoding};
use linkpack::endpoint::{run_signature_field, RUN_SIGNATURE_AT};
use std::path::Path;
use std::process::Command;

/// How keys of each kind are made; all that fit into a `.run`.
const KEYS: [(&str, &str); 3] = [
    ("ecdsa", "ecparam -genkey -name prime256v1 -noout -out key.pem"),
    ("rsa-2048", "genrsa -out key.pem 2048"),
    ("rsa-4096", "genrsa -out key.pem 4096"),
];

fn openssl(folder: &Path, arguments: &str) {
    let done = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().expect("apt-get install openssl");
    assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A key pair and a `.run` that it signed: the public key's PEM, and the file.
fn signed(kind: &str, make: &str) -> (Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path();
    let run = product::run("1.0", GOOD);
    std::fs::write(path.join("covered"), run.splitn(4, |&byte| byte == b'\n').last().expect("lines")).expect("written");
    openssl(path, make);
    openssl(path, "pkey -in key.pem -pubout -out public.pem");
    openssl(path, "dgst -sha256 -sign key.pem -out signature covered");
    let read = |name: &str| std::fs::read(path.join(name)).expect("read");
    let field = run_signature_field(&Base64::encode_string(&read("signature"))).unwrap_or_else(|| panic!("{kind}: no room"));
    let mut file = run;
    file[RUN_SIGNATURE_AT.start as usize..RUN_SIGNATURE_AT.end as usize].copy_from_slice(field.as_bytes());
    (read("public.pem"), file)
}

#[test]
fn a_signed_file_installs_by_its_key_and_by_no_other() {
    for (shell, (kind, make)) in SHELLS.iter().zip(KEYS) {
        let machine = Sandbox::with_shell(shell);
        let (key, run) = signed(kind, make);
        let (other, _) = signed(kind, make);
        machine.put("/tmp/one.run", &run);
        machine.put("/tmp/key.pem", &key);
        machine.put("/tmp/other.pem", &other);
        let before = machine.listing();
        let done = machine.sh("cd /tmp && sh ./one.run --verify --key key.pem").expect(0);
        assert!((done.out + &done.err).contains("signed by the key in"), "{kind} under {shell}");
        machine.sh("sh /tmp/one.run --check").expect(0);
        let done = machine.sh("sh /tmp/one.run --verify --key=/tmp/other.pem").expect(21);
        assert!(done.err.contains("made by another key"), "{}", done.err);
        assert_eq!(machine.listing(), before, "{kind} under {shell}");
        machine.sh("sh /tmp/one.run --key /tmp/other.pem").expect(21);
        let result = machine.ask("cat /var/log/intigua/install.json");
        assert!(result.contains("\"refused\"") && result.contains("21"), "{result}");
        machine.sh("rm -r /var/log/intigua").expect(0);
        assert_eq!(machine.listing(), before, "{kind} under {shell}");
        machine.sh("sh /tmp/one.run --no-start --key /tmp/key.pem").expect(0);
        machine.sh("sh /tmp/one.run --uninstall").expect(0);
    }
}

#[test]
fn plain_openssl_verifies_what_follows_line_three() {
    let machine = Sandbox::new();
    let (key, run) = signed(KEYS[0].0, KEYS[0].1);
    machine.put("/tmp/one.run", &run);
    machine.put("/tmp/key.pem", &key);
    let verify = "cd /tmp && sed -n '3s/^LP_SIG=\\([^ ]*\\) #-*$/\\1/p' one.run | base64 -d >one.sig && \
                  tail -n +4 one.run | openssl dgst -sha256 -verify key.pem -signature one.sig";
    assert_eq!(machine.ask(verify), "Verified OK");
    let mut bad = run.clone();
    let last = bad.len() - 1;
    bad[last] ^= 1;
    machine.put("/tmp/one.run", &bad);
    machine.sh(verify).expect(1);
}

#[test]
fn what_is_not_signed_or_not_checkable_is_refused_where_a_key_is_given() {
    let machine = Sandbox::new();
    let (key, run) = signed(KEYS[0].0, KEYS[0].1);
    machine.put("/tmp/key.pem", &key);
    machine.put("/tmp/plain.run", &product::run("1.0", GOOD));
    machine.put("/tmp/one.run", &run);
    assert!(machine.sh("sh /tmp/plain.run --verify --key /tmp/key.pem").expect(21).err.contains("not signed"));
    machine.sh("sh /tmp/one.run --verify --key /tmp/absent.pem").expect(2);
    machine.sh("echo nonsense >/tmp/none.pem; sh /tmp/one.run --verify --key /tmp/none.pem").expect(2);
    machine.sh("rm \"$(command -v openssl)\"").expect(0);
    assert!(machine.sh("sh /tmp/one.run --key /tmp/key.pem").expect(15).err.contains("openssl"));
    machine.sh("sh /tmp/one.run --check").expect(0);
}

#[test]
fn a_third_line_that_is_no_signature_is_damage() {
    let machine = Sandbox::new();
    let good = product::run("1.0", GOOD);
    for (at, byte) in [(89, b'!'), (400, b'A'), (700, b'\t')] {
        let mut bad = good.clone();
        bad[at] = byte;
        machine.put("/tmp/bad.run", &bad);
        machine.sh("sh /tmp/bad.run --check >/dev/null 2>&1").expect(20);
    }
}
