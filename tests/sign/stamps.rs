//! Time stamps from an authority that is asked by HTTP: a thread of the test, whose answers are openssl's, whole or spoilt.
use crate::bench::*;
use crate::common::{cmd, need};
use linkpack::trust::timestamp::Stamper;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// Answers each request on loopback; gone with the test. Its address.
fn authority(answer: impl Fn(TcpStream, Vec<u8>) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Some((stream, query)) = query(stream) else { continue };
            answer(stream, query);
        }
    });
    format!("http://{address}/stamp")
}

/// The body of a request, which has to be one that an authority takes.
fn query(mut stream: TcpStream) -> Option<(TcpStream, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).expect("text");
    assert!(head.starts_with("POST /stamp HTTP/1."), "{head}");
    assert!(head.contains("\r\nContent-Type: application/timestamp-query\r\n"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    stream.read_exact(&mut body).ok()?;
    Some((stream, body))
}

/// What openssl answers, on a day of its own where one is given.
fn reply(bench: &Path, query: &[u8], day: Option<&str>) -> Vec<u8> {
    fs::write(bench.join("query"), query).expect("written");
    let ts = "openssl ts -reply -config tsa.cnf -queryfile query -out answer";
    let line = day.map_or(ts.to_owned(), |day| format!("faketime {day} {ts}"));
    // Its status says whether it granted the request; its answer says that, too.
    let _ = cmd("sh").args(["-c", &line]).dir(bench).run();
    fs::read(bench.join("answer")).expect("an answer")
}

fn send(mut stream: TcpStream, head: &str, body: &[u8]) {
    let _ = stream.write_all(&[head.as_bytes(), b"\r\n\r\n", body].concat());
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply";

/// An authority that changes the question before it answers it.
fn twisted(bench: &Bench, twist: impl Fn(&mut Vec<u8>) + Send + 'static) -> String {
    let folder = bench.folder.path().to_owned();
    authority(move |stream, mut query| {
        twist(&mut query);
        send(stream, OK, &reply(&folder, &query, None));
    })
}

#[test]
fn osslsigncode_takes_the_time_stamp_of_an_authority_that_was_asked_by_http() {
    let bench = &bench();
    let folder = copy(bench);
    let msi = package(folder.path(), "msi");
    let home = bench.folder.path().to_owned();
    // The second keeps its connection open: the length that it states is the end.
    let kept = std::sync::Mutex::new(Vec::new());
    let plain = twisted(bench, |_| ());
    let open = authority(move |stream, query| {
        let body = reply(&home, &query, None);
        send(stream.try_clone().expect("a stream"), &format!("{OK}\r\ncontent-length: {}", body.len()), &body);
        kept.lock().expect("a list").push(stream);
    });
    for (key, url) in [("code", plain), ("ec", open)] {
        sign(bench, &msi, &format!("--key {key}.key --cert {key}.pem --timestamp-url {url}")).run().ok();
        bench
            .sh(&format!("osslsigncode verify -CAfile ca.pem -TSA-CAfile ca.pem -in {}", msi.display()))
            .run()
            .ok()
            .says("Timestamp Server Signature verification: ok")
            .says("Signature verification: ok");
        assert!(judged(bench, &msi, "ca.pem").to_string().contains("time stamp 20"));
    }
}

/// A door that speaks TLS in front of an authority, with a certificate of its own; it goes when its input is closed, with the test.
const DOOR: &str = r#"
import os, socket, ssl, sys, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("tls.pem", "tls.key")
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
def pump(a, b):
    while data := a.recv(65536): b.sendall(data)
while True:
    stream = context.wrap_socket(listener.accept()[0], server_side=True)
    behind = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    threading.Thread(target=pump, args=(stream, behind), daemon=True).start()
    pump(behind, stream)
    stream.close()
"#;

#[test]
fn an_authority_may_speak_https_alone() {
    need("curl", "curl");
    let bench = &bench();
    let home = bench.folder.path().to_owned();
    let plain = authority(move |stream, query| {
        let body = reply(&home, &query, None);
        send(stream, &format!("{OK}\r\nContent-Length: {}", body.len()), &body);
    });
    let port = plain.trim_end_matches("/stamp").rsplit(':').next().expect("a port");
    let subject = "-subj /CN=tsa -addext subjectAltName=IP:127.0.0.1 -days 2";
    bench.sh(&format!("openssl req -x509 -newkey rsa:2048 -nodes -keyout tls.key -out tls.pem {subject}")).run().ok();
    let mut door = std::process::Command::new("python3");
    door.args(["-c", DOOR, port]).current_dir(bench.folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut door = door.spawn().expect("apt-get install python3");
    let mut line = String::new();
    BufReader::new(door.stdout.take().expect("piped")).read_line(&mut line).expect("a port");
    let folder = copy(bench);
    let msi = package(folder.path(), "msi");
    let options = format!("--key code.key --cert code.pem --timestamp-url https://127.0.0.1:{}/stamp", line.trim());
    sign(bench, &msi, &options).env("CURL_CA_BUNDLE", "tls.pem").run().ok();
    assert!(judged(bench, &msi, "ca.pem").to_string().contains("time stamp 20"));
    drop(door.stdin.take());
    assert!(door.wait().expect("ended").success());
}

#[test]
fn what_an_authority_must_not_answer_is_refused_and_leaves_everything_as_it_was() {
    let bench = &bench();
    let home = bench.folder.path().to_owned();
    let at_home = |answer: fn(&Path, TcpStream, Vec<u8>)| {
        let home = home.clone();
        authority(move |stream, query| answer(&home, stream, query))
    };
    // The request ends with a digest of 32 bytes, a nonce of 8 with tag and length, and a BOOLEAN of 3.
    let nonce = |query: &mut Vec<u8>| *query.iter_mut().rev().nth(3).expect("a nonce") ^= 1;
    let digest = |query: &mut Vec<u8>| *query.iter_mut().rev().nth(13).expect("a digest") ^= 1;
    let cases = [
        ("500 Internal", at_home(|_, stream, _| send(stream, "HTTP/1.1 500 Internal Server Error", b"sorry"))),
        ("302 Found", at_home(|_, stream, _| send(stream, "HTTP/1.1 302 Found\r\nLocation: https://elsewhere/", b""))),
        ("not a TimeStampResp", at_home(|_, stream, _| send(stream, OK, b"<html>It works!</html>"))),
        ("does not speak HTTP", at_home(|_, mut stream, _| drop(stream.write_all(b"220 mail.example ESMTP\r\n\r\n")))),
        ("closes the connection", at_home(|_, stream, _| drop(stream))),
        ("another request", twisted(bench, nonce)),
        ("over something else", twisted(bench, digest)),
        ("a refusal, status 02: ", twisted(bench, |query| query.truncate(20))),
        ("ends too early", at_home(|_, stream, _| send(stream, &format!("{OK}\r\nContent-Length: 3000"), b"0"))),
        ("longer than", at_home(|_, mut stream, _| while stream.write_all(&[b'x'; 1 << 16]).is_ok() {})),
        (
            "longer than",
            at_home(|_, mut stream, _| {
                send(stream.try_clone().expect("a stream"), OK, b"");
                while stream.write_all(&[0x30; 1 << 16]).is_ok() {}
            }),
        ),
        ("clocks is wrong", at_home(|home, stream, query| send(stream, OK, &reply(home, &query, Some("2021-01-01"))))),
        (
            "were changed",
            at_home(|home, stream, query| {
                let mut answer = reply(home, &query, None);
                *answer.last_mut().expect("a byte") ^= 1;
                send(stream, OK, &answer);
            }),
        ),
        ("cannot be asked by curl", "https://127.0.0.1:1/it's".to_owned()),
        ("does not begin with http://", "ftp://127.0.0.1/".to_owned()),
        ("its address is not one", "http://user:secret@127.0.0.1/".to_owned()),
        ("refused", "http://127.0.0.1:1/".to_owned()),
    ];
    let folder = copy(bench);
    let before = contents(folder.path());
    for (why, url) in &cases {
        let done = sign(bench, folder.path(), &format!("--key code.key --cert code.pem --timestamp-url {url}")).run();
        // An endless answer that is no HTTP is told by its head already.
        let said = done.stderr.contains(why) || (*why == "longer than" && done.stderr.contains("does not speak HTTP"));
        assert!(done.code == Some(1) && said && done.stderr.contains("time stamping authority"), "{why}: {done}");
        assert_eq!(contents(folder.path()), before, "{why}");
    }
    let out = bench.path("built");
    let build = linkpack().args(["build", "-q", "--no-cache", "-f", "msi", "-o"]).arg(&out).dir(bench.path("product"));
    let key = |name: &str| bench.path(name);
    build
        .arg("--key")
        .arg(key("code.key"))
        .arg("--cert")
        .arg(key("code.pem"))
        .args(["--timestamp-url", &cases[0].1])
        .run()
        .exits(1);
    assert_eq!(contents(&out), [], "a build whose time stamp fails has made nothing");
}

/// Names and bytes of all files.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let mut all: Vec<_> =
        entries.map(|one| (one.file_name().to_string_lossy().into_owned(), fs::read(one.path()).expect("a file"))).collect();
    all.sort();
    all
}

#[test]
fn who_tires_of_waiting_for_an_authority_interrupts_and_finds_all_as_it_was() {
    let bench = &bench();
    let folder = copy(bench);
    let before = contents(folder.path());
    let (asked, waits) = std::sync::mpsc::channel();
    let url = authority(move |stream, _| asked.send(stream).expect("the test waits"));
    let child = std::process::Command::new(env!("CARGO_BIN_EXE_linkpack"))
        .args(["sign", "--key", "code.key", "--cert", "code.pem", "--timestamp-url", &url])
        .arg(folder.path())
        .current_dir(bench.folder.path())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("linkpack runs");
    let _silent = waits.recv_timeout(Duration::from_secs(60)).expect("a request");
    cmd("kill").args(["-INT", &child.id().to_string()]).run().ok();
    let done = child.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(!done.status.success() && said.contains("interrupted"), "{said}");
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn an_authority_that_never_comes_to_an_end_is_given_up() {
    need("openssl", "openssl");
    let silent = authority(|stream, _| std::mem::forget(stream));
    let dribbling = authority(|mut stream, _| {
        while stream.write_all(b"H").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    for url in [silent, dribbling] {
        let patience = Duration::from_millis(400);
        let error = Stamper::Url { url, patience }.stamp(b"a signature").expect_err("no answer");
        assert!(error.what().contains("no whole answer within 0.4 s"), "{error}");
    }
    assert!(Stamper::PATIENCE <= Duration::from_secs(120), "nobody waits longer for a time stamp");
}
