//! Certificates that are not valid today, or not for this: what is said when signing, and when verifying, years later.
use crate::bench::*;
use std::fs;
use std::path::Path;

/// The authority of the tests, on whatever day it is asked.
const STAMP: &str = "openssl ts -reply -config tsa.cnf -queryfile /dev/stdin -out /dev/stdout 2>/dev/null";
/// A day on which old.pem was valid.
const THEN: &str = "2020-06-01";

fn osslsigncode(bench: &Bench, msi: &Path, more: &str) -> Option<i32> {
    bench.sh(&format!("osslsigncode verify -CAfile ca.pem -TSA-CAfile ca.pem {more} -in {}", msi.display())).run().code
}

/// `linkpack sign` with old.pem on [`THEN`].
fn sign_then(bench: &Bench, msi: &Path, stamp: Option<&str>) {
    let stamp = stamp.map_or(String::new(), |stamp| format!("--timestamp-command '{stamp}'"));
    let program = env!("CARGO_BIN_EXE_linkpack");
    let line = format!("faketime {THEN} {program} sign {} --key old.key --cert old.pem {stamp}", msi.display());
    bench.sh(&line).run().ok();
}

#[test]
fn a_time_stamp_of_then_saves_a_certificate_that_has_expired_since() {
    let bench = &bench();
    let folder = copy(bench);
    let msi = package(folder.path(), "msi");
    sign_then(bench, &msi, Some(STAMP));
    assert_eq!(osslsigncode(bench, &msi, ""), Some(0));
    let verify = linkpack().args(["verify", "--key", "ca.pem"]).arg(&msi).dir(bench.folder.path());
    verify.run().ok().says("time stamp 2020-0");
    assert!(judged(bench, &msi, "ca.pem").is_good());

    // Without one it counted then, and counts no more.
    sign_then(bench, &msi, None);
    assert_eq!(osslsigncode(bench, &msi, "-time 1591000000"), Some(0));
    assert_ne!(osslsigncode(bench, &msi, ""), Some(0));
    verify.run().exits(1).says("expired at 2021-01-01");
}

#[test]
fn a_time_stamp_of_later_or_of_a_stranger_saves_nothing() {
    let bench = &bench();
    let folder = copy(bench);
    let (msi, out) = (package(folder.path(), "msi"), folder.path().join("late.msi"));
    let by_osslsigncode = "osslsigncode sign -h sha256 -certs old.pem -key old.key -TSA-certs tsa.pem -TSA-key tsa.key";
    bench.sh(&format!("{by_osslsigncode} -in {} -out {}", msi.display(), out.display())).run().ok();
    assert_ne!(osslsigncode(bench, &out, ""), Some(0));
    is_bad(&judged(bench, &out, "ca.pem"), "expired at 2021-01-01");
    fs::remove_file(&out).expect("removed");
    bench.sh(&format!("{by_osslsigncode} -TSA-time 1591000000 -in {} -out {}", msi.display(), out.display())).run().ok();
    assert_eq!(osslsigncode(bench, &out, ""), Some(0));
    assert!(judged(bench, &out, "ca.pem").is_good());

    let other = "openssl req -new -key tsa.key -subj /CN=elsewhere -out csr && \
        printf 'extendedKeyUsage=critical,timeStamping\\nkeyUsage=critical,digitalSignature\\n' >ext && \
        faketime 2020-01-01 openssl x509 -req -in csr -CA stranger.pem -CAkey stranger.key -days 5000 -extfile ext -out other.pem && \
        sed 's/tsa.pem/other.pem/; s/ca.pem/stranger.pem/' tsa.cnf >other.cnf";
    bench.sh(other).run().ok();
    sign_then(bench, &msi, Some(&STAMP.replace("tsa.cnf", "other.cnf")));
    assert_ne!(osslsigncode(bench, &msi, ""), Some(0));
    is_bad(&judged(bench, &msi, "ca.pem"), "its time stamp does not count: its authority");
}

#[test]
fn a_certificate_that_windows_would_refuse_signs_nothing() {
    let bench = &bench();
    let folder = copy(bench);
    let before = fs::read(package(folder.path(), "msi")).expect("read");
    let run = fs::read(package(folder.path(), "run")).expect("read");
    for (name, why) in [
        ("old", "its certificate expired at 2021-01-01"),
        ("young", "its certificate is valid only from 2098-01-01"),
        ("web", "its certificate is not for code signing"),
    ] {
        let keys = format!("--key {name}.key --cert {name}.pem");
        // Also where the time is stamped: the stamp would be of today.
        for stamp in [None, Some(STAMP)] {
            let mut line = sign(bench, folder.path(), &keys);
            if let Some(stamp) = stamp {
                line = line.args(["--timestamp-command", stamp]);
            }
            line.run().exits(1).says(why).says("codeSigning");
        }
        let out = bench.path(&format!("built-{name}"));
        let build = linkpack().args(["build", "--no-cache", "-f", "msi", "-o"]).arg(&out).dir(bench.path("product"));
        let build = build.arg("--key").arg(bench.path(&format!("{name}.key")));
        build.arg("--cert").arg(bench.path(&format!("{name}.pem"))).run().exits(1).says(why);
        assert!(!out.exists(), "nothing is begun with a key of no use");
    }
    assert_eq!(fs::read(package(folder.path(), "msi")).expect("read"), before);
    assert_eq!(fs::read(package(folder.path(), "run")).expect("read"), run);
    // A .run and SHA256SUMS are signed by the key alone.
    sign(bench, &package(folder.path(), "run"), "--key old.key --cert old.pem").run().ok();
    sign(bench, &package(folder.path(), "msi"), "--key ec.key --cert ec.pem").run().ok().says("until 2099-01-01");
}
