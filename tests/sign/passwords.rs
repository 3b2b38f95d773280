//! Passwords and keys: every way to give one, wrong ones, and where neither may ever be seen.
use crate::bench::*;
use crate::common::need;
use std::fs;

#[test]
fn a_password_is_in_no_command_line_and_in_nothing_that_is_said() {
    let bench = &bench();
    let folder = copy(bench);
    // Of this test alone: the others' keys are made with theirs on command lines.
    let password = format!("battery-{}-staple", std::process::id());
    fs::write(bench.path("own"), &password).unwrap();
    bench.sh("openssl pkcs8 -topk8 -v2 aes-256-cbc -in ec.key -passout file:own -out own.enc").run().ok();
    let pattern = password.replace("-staple", "-[s]taple");
    let watch = format!(
        "grep -l {pattern} /proc/[0-9]*/cmdline 2>/dev/null | grep -q . && echo LEAK >leaked; \
         env | grep -q {pattern} && echo LEAK >leaked; gpg --batch --quiet --local-user rsa@example --detach-sign"
    );
    // Not by the harness, which has the environment on its own command lines.
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_linkpack"))
        .arg("sign")
        .arg(folder.path())
        .args(["--key", "own.enc", "--password-env", "THE_PASSWORD", "--openpgp-command", &watch])
        .env("THE_PASSWORD", &password)
        .env("GNUPGHOME", bench.path("gnupg"))
        .current_dir(bench.folder.path())
        .output()
        .expect("linkpack runs");
    let said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    assert!(run.status.success() && !said.contains(&password), "{said}");
    assert!(!bench.path("leaked").exists(), "the password was seen");
    let wrong = sign(bench, folder.path(), "--key ec.enc --password-env THE_PASSWORD").env("THE_PASSWORD", "not-this-one").run();
    wrong.exits(1).says("the password does not open the key").never_says("not-this-one");
    sign(bench, folder.path(), "--key ec.enc").run().exits(1).says("--password-file");
    fs::set_permissions(bench.path("web.key"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    sign(bench, &package(folder.path(), "run"), "--key web.key").run().ok().says("can be read by others");
}

/// Each kind of key with a password, and a format that it signs.
const LOCKED: [(&str, &str); 5] = [
    ("--key ec.enc", "run"),
    ("--key code.enc --cert code.pem", "msi"),
    ("--key code.p12", "msi"),
    ("--key legacy.p12", "run"),
    ("--openpgp-key ed.sec", "deb"),
];

#[test]
fn every_key_opens_by_every_way_to_give_its_password_and_by_no_other_password() {
    let bench = &bench();
    let folder = copy(bench);
    let program = env!("CARGO_BIN_EXE_linkpack");
    for (key, format) in LOCKED {
        let package = package(folder.path(), format);
        let whole = fs::read(&package).expect("read");
        let sign = format!("{program} sign {} {key}", package.display());
        for (way, there) in [
            ("--password-file FILE", ""),
            ("--password-fd 3", "3<FILE"),
            ("--password-fd 0", "<FILE"),
            ("--password-fd 12", "12<FILE"),
            ("--password-env THE_PASSWORD", ""),
        ] {
            // Descriptors of two digits are bash's.
            let with = |file: &str| {
                let line = format!("THE_PASSWORD=$(cat {file}) {sign} {way} {there}").replace("FILE", file);
                bench.sh("exec bash -c \"$LINE\"").env("LINE", line).run()
            };
            if way.contains("-fd 3") {
                with("wrong").exits(1).says("password does not open").never_says("not-this-one");
                assert_eq!(fs::read(&package).expect("read"), whole, "{key} {way}");
            }
            with("password").ok().never_says(PASSWORD);
            fs::write(&package, &whole).expect("written");
        }
        bench.sh(&sign).run().exits(1).says("password");
    }
    let sign =
        |more: &str| bench.sh(&format!("{program} sign {} --key ec.enc {more}", package(folder.path(), "run").display())).run();
    sign("--password-fd 9").exits(1).says("descriptor 9 is not open");
    // What linkpack itself has open is nobody's password.
    for descriptor in 3..9 {
        sign(&format!("--password-fd {descriptor}")).exits(1).says("is not open");
    }
    sign("--password-fd 3 3</dev/zero").exits(1).says("longer than any password");
    sign("--password-file /nonexistent").exits(1).says("/nonexistent");
    sign("--password-env NOT_THERE").exits(1).says("NOT_THERE");
    sign("--password-env NOT_THERE --password-fd 3").exits(2);
    // A pipe that stays open after the line is not waited for.
    bench
        .sh("mkfifo fifo; exec 4<>fifo; cat password >&4; exec 3<fifo; exec sh -c \"$LINE\"")
        .env("LINE", format!("{program} sign {} --key ec.enc --password-fd 3", package(folder.path(), "run").display()))
        .run()
        .ok();
}

#[test]
fn nothing_that_is_written_or_run_holds_a_secret() {
    let bench = &bench();
    need("strace", "strace");
    let folder = copy(bench);
    for format in ["rpm", "msi"] {
        fs::remove_file(package(folder.path(), format)).expect("removed");
    }
    let traced =
        "strace -f -qq -s 16384 -o trace -e trace=execve,openat,creat,write,pwrite64,writev,pwritev,sendto,sendmsg,memfd_create";
    let stamp = "openssl ts -reply -config tsa.cnf -queryfile /dev/stdin -out /dev/stdout";
    let line = format!(
        "{traced} {} sign {} --key ec.enc --openpgp-key ed.sec --password-fd 3 --timestamp-command '{stamp}' 3<password",
        env!("CARGO_BIN_EXE_linkpack"),
        folder.path().display()
    );
    bench.sh(&line).run().ok().never_says(PASSWORD);
    let trace = fs::read_to_string(bench.path("trace")).expect("a trace");
    assert!(trace.contains("execve(") && trace.contains("write("), "strace saw it");
    assert!(!trace.contains(PASSWORD), "the password was written or handed on");
    // The key's own number, as it lies in the plain file, shown as strace shows bytes.
    let plain = fs::read_to_string(bench.path("ec.key")).expect("a key");
    let body: Vec<&str> = plain.lines().filter(|line| !line.starts_with("---")).collect();
    assert!(!trace.contains(body[0]), "the key was written");
    let made =
        trace.lines().filter(|line| line.contains("O_CREAT") || line.contains("O_TMPFILE") || line.contains("memfd_create("));
    let made: Vec<&str> = made.filter(|line| !line.contains("ENOENT")).collect();
    assert!(!made.is_empty());
    for line in made {
        assert!(line.contains(&format!("\"{}/.linkpack-", folder.path().display())), "made elsewhere: {line}");
    }
}
