//! `vlink check-core`: pauses, fallbacks, the proxy.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{vlink, Endpoint};

/// A port of this machine on which nothing listens.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn check(endpoint: &Endpoint, more: &[&str]) -> Output {
    let root = endpoint.root();
    let mut arguments = vec!["check-core".as_ref(), "--root".as_ref(), root.as_os_str()];
    arguments.extend(more.iter().map(|word| std::ffi::OsStr::new(*word)));
    vlink(&arguments)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Answers connections one after the other, each with the next answer, and gives back what was asked.
fn proxy(answers: &'static [&'static str]) -> (u16, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = move |answer: &&str| {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut asked, mut part) = (Vec::new(), [0; 256]);
        while !asked.ends_with(b"\r\n\r\n") {
            let read = stream.read(&mut part).unwrap();
            assert!(read > 0, "the question ends early");
            asked.extend_from_slice(&part[..read]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(asked).unwrap()
    };
    (port, std::thread::spawn(move || answers.iter().map(answer).collect()))
}

#[test]
fn a_server_that_refuses_the_first_three_tries_is_reached_at_the_fourth_after_growing_pauses() {
    let endpoint = Endpoint::new();
    let port = free_port();
    endpoint.write_config(&format!(
        "serverUrl: \"https://127.0.0.1:{port}\"\nretry.firstMs: \"100\"\nretry.factor: \"2\"\nretry.maxMs: \"300\"\ntimeouts.checkSeconds: \"20\"\n"
    ));
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_vlink"))
        .args(["check-core", "--root"])
        .arg(endpoint.root())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = Vec::new();
    let mut listener = None;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        lines.push((line.unwrap(), began.elapsed()));
        if lines.len() == 3 {
            listener = Some(TcpListener::bind(("127.0.0.1", port)).unwrap());
        }
    }
    assert!(child.wait().unwrap().success());
    let said: Vec<&str> = lines.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(
        said[..3]
            .iter()
            .zip(1..)
            .all(|(line, n)| line.starts_with(&format!("try {n}: https://127.0.0.1:{port}: Connection refused"))),
        "{said:?}"
    );
    assert_eq!(said[3], format!("core: https://127.0.0.1:{port} is reached, at try 4"));
    // After 100, 200 and 300 ms; a busy machine makes it later, never earlier.
    for ((_, took), least) in lines[1..].iter().zip([100, 300, 600]) {
        assert!(*took >= Duration::from_millis(least - 5), "{lines:?}");
    }
    drop(listener);
}

#[test]
fn a_fallback_counts_as_reached_and_once_is_one_try_each() {
    let endpoint = Endpoint::new();
    let (dead, listener) = (free_port(), TcpListener::bind("127.0.0.1:0").unwrap());
    let alive = listener.local_addr().unwrap().port();
    endpoint.write_config(&format!("serverUrl: \"https://127.0.0.1:{dead};http://localhost:{alive}/x\"\n"));
    let done = check(&endpoint, &["--once"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert!(text(&done).ends_with(&format!("core: http://localhost:{alive} is reached, at try 1\n")), "{}", text(&done));
    endpoint.write_config(&format!("serverUrl: \"https://127.0.0.1:{dead}\"\n"));
    let began = Instant::now();
    let done = check(&endpoint, &["--once"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        text(&done).contains("problem: no core server is reached") && began.elapsed() < Duration::from_secs(5),
        "{}",
        text(&done)
    );
    endpoint.write_config("containers: \"*\"\n");
    assert!(text(&check(&endpoint, &[])).contains("problem: no core server is set"));
}

#[test]
fn a_proxy_is_asked_for_the_server_with_the_credentials_of_the_file() {
    let endpoint = Endpoint::new();
    let (port, answers) = proxy(&[
        "HTTP/1.1 503 Busy\r\n\r\n",
        "HTTP/1.1 200 OK\r\nVia: x\r\n\r\n",
        "HTTP/1.1 407 No\r\n\r\n",
        "SSH-2.0-x\r\n\r\n",
    ]);
    let secret = endpoint.base.join("secret");
    fs::write(&secret, "user:hunter2\n").unwrap();
    let proxied = format!("serverUrl: \"https://core.example\"\nproxyUrl: \"http://127.0.0.1:{port}\"\nretry.firstMs: \"10\"\n");
    endpoint.write_config(&format!("{proxied}proxyCredentialsFile: \"{}\"\n", secret.display()));
    let done = check(&endpoint, &[]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let said = text(&done);
    assert!(said.contains("the proxy refuses: 503") && said.contains("is reached through the proxy"), "{said}");
    let done = check(&endpoint, &["--once"]);
    assert!(text(&done).contains("does not take the credentials") && !text(&done).contains("hunter2"), "{}", text(&done));
    endpoint.write_config(&proxied);
    assert!(text(&check(&endpoint, &["--once"])).contains("no HTTP proxy"));
    let asked = answers.join().unwrap();
    assert!(asked[0].starts_with("CONNECT core.example:443 HTTP/1.1\r\nHost: core.example:443\r\n"), "{asked:?}");
    assert!(
        asked[1].contains("Proxy-Authorization: Basic dXNlcjpodW50ZXIy\r\n") && !asked[3].contains("Authorization"),
        "{asked:?}"
    );
}

#[test]
fn a_server_that_never_answers_is_given_up_in_time() {
    let endpoint = Endpoint::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    endpoint.write_config(&format!(
        "serverUrl: \"https://core.example\"\nproxyUrl: \"http://127.0.0.1:{port}\"\ntimeouts.connectSeconds: \"1\"\ntimeouts.checkSeconds: \"2\"\n"
    ));
    let began = Instant::now();
    assert_eq!(check(&endpoint, &[]).status.code(), Some(1));
    assert!((900..8_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
}
