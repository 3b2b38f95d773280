//! One try to reach a server: a TCP connection, or HTTP CONNECT through a proxy (RFC 9110, 9.3.6), within a time.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::platform;

/// More than this is no answer's head.
const MOST: usize = 8 << 10;

/// A server, as its URL names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    scheme: &'static str,
    /// An IPv6 address without its brackets.
    host: String,
    port: u16,
}

/// A proxy, with user:password for it.
#[derive(Clone)]
pub struct Proxy {
    pub place: Place,
    pub credentials: Option<String>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority())
    }
}

impl Place {
    /// Reads an http or https URL. `usual` is a protocol's name with the port that counts where the URL has none. The error goes on
    /// behind the name of what holds the URL, and shows nothing of it: there may be a password in it.
    pub fn of(url: &str, usual: Option<(&str, u16)>) -> Result<Place, String> {
        let (scheme, rest, port) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => ("https", rest, 443),
            (_, Some(rest)) => ("http", rest, 80),
            _ => return Err("is no http or https URL".to_string()),
        };
        let port = usual.filter(|(name, _)| *name == scheme).map_or(port, |(_, port)| port);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        let authority = authority.rsplit('@').next().unwrap_or("");
        let (host, tail) = match authority.strip_prefix('[') {
            Some(inner) => inner.split_once(']').ok_or("has a bracket that is not closed")?,
            None => match authority.find(':') {
                Some(at) => authority.split_at(at),
                None => (authority, ""),
            },
        };
        let port = match tail.strip_prefix(':') {
            Some("") => port,
            Some(text) => text.parse().ok().filter(|port| *port != 0).ok_or("has a port that is none")?,
            None if tail.is_empty() => port,
            None => return Err("has something behind its host that is no port".to_string()),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
        if host.is_empty() || !host.chars().all(plain) {
            return Err("has a host that is none (international names in their form xn--)".to_string());
        }
        Ok(Place { scheme, host: host.to_string(), port })
    }

    fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// Reaches a server within `limit`. The error says why not.
pub fn reach(server: &Place, proxy: Option<&Proxy>, limit: Duration) -> Result<(), String> {
    let (server, proxy) = (server.clone(), proxy.cloned());
    let end = Instant::now() + limit;
    let (sender, receiver) = mpsc::channel();
    // A thread: nothing else ends a name's lookup that takes too long.
    std::thread::spawn(move || {
        let result = match &proxy {
            None => connect(&server, end).map(drop),
            Some(proxy) => connect(&proxy.place, end).and_then(|stream| tunnel(stream, &server, proxy, end)),
        };
        let _ = sender.send(result);
    });
    receiver.recv_timeout(limit).unwrap_or_else(|_| Err(format!("no answer within {} s", limit.as_secs_f64())))
}

fn connect(place: &Place, end: Instant) -> Result<TcpStream, String> {
    let found = platform::addresses(&place.host, place.port).map_err(|error| format!("{} is not found: {error}", place.host))?;
    let mut why = format!("{} is not found: it has no address", place.host);
    for address in found {
        match TcpStream::connect_timeout(&address, left(end)) {
            Ok(stream) => return Ok(stream),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

/// What is left until `end`; a time-out of none would be refused.
fn left(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

/// Asks the proxy for a connection to the server.
fn tunnel(mut stream: TcpStream, server: &Place, proxy: &Proxy, end: Instant) -> Result<(), String> {
    if proxy.place.scheme == "https" {
        return Err("the proxy answers, and is to be spoken to by TLS, which this check has not".to_string());
    }
    let target = server.authority();
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(credentials) = &proxy.credentials {
        request += &format!("Proxy-Authorization: Basic {}\r\n", base64(credentials.as_bytes()));
    }
    request += "\r\n";
    let talked = stream.set_write_timeout(Some(left(end))).and_then(|()| stream.write_all(request.as_bytes()));
    let head = talked.and_then(|()| head(&mut stream, end)).map_err(|error| format!("the proxy: {error}"))?;
    let line = head.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or(&[]);
    let line = String::from_utf8_lossy(line);
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|code| code.parse::<u16>().ok());
    match (status, &proxy.credentials) {
        (None, _) => Err("what answers is no HTTP proxy".to_string()),
        (Some(200..=299), _) => Ok(()),
        (Some(407), None) => Err("the proxy wants credentials (407): set PROXY_CREDENTIALS_FILE".to_string()),
        (Some(407), Some(_)) => Err("the proxy does not take the credentials (407)".to_string()),
        (Some(code), _) => Err(format!("the proxy refuses: {code}")),
    }
}

/// The answer's first lines, up to the empty one.
fn head(stream: &mut TcpStream, end: Instant) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut part = [0_u8; 512];
    while head.len() < MOST && !head.windows(4).any(|four| four == b"\r\n\r\n") {
        stream.set_read_timeout(Some(left(end)))?;
        match stream.read(&mut part)? {
            0 => break,
            read => head.extend_from_slice(&part[..read]),
        }
    }
    Ok(head)
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(three.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize] as char;
            text.push(if at <= three.len() { letter } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_wrong_ones_are_not_shown() {
        for (url, shown) in [
            ("https://a.example", "https://a.example:443"),
            ("http://a:8080/path?x#y", "http://a:8080"),
            ("http://user:hunter2@proxy:3128", "http://proxy:3128"),
            ("https://[fe80::1%eth0]:8443", "https://[fe80::1%eth0]:8443"),
            ("https://a:", "https://a:443"),
        ] {
            assert_eq!(Place::of(url, None).unwrap().to_string(), shown);
        }
        for url in [
            "",
            "ftp://hunter2",
            "https://",
            "https://hunter2:x",
            "https://hunter2:0",
            "https://[::1",
            "https://h\u{e4}hunter2",
            "https://a b",
        ] {
            let why = Place::of(url, None).unwrap_err();
            assert!(!why.contains("hunter2"), "{why}");
        }
        assert_eq!(Place::of("https://a", Some(("https", 8443))).unwrap().to_string(), "https://a:8443");
        assert_eq!(Place::of("http://a", Some(("https", 8443))).unwrap().to_string(), "http://a:80");
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("\u{ff}\u{fe}", "w7/Dvg==")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
