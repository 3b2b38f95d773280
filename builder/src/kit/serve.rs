//! A kit over HTTP, for apt, dnf, zypper and msiexec: read-only, only what SHA256SUMS names, bounded in connections, headers and time.

use super::old::{self, OldKit};
use crate::error::{Error, IoContext, Result};
use crate::listener::Listener;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant, UNIX_EPOCH};

/// Connections at a time; more are closed at once.
const CONNECTIONS: usize = 64;
/// Connections of one address at a time: one client does not keep all others out, and a proxy has enough for them.
const OF_ONE: usize = 32;
/// Bytes of a request's head.
const HEAD: u64 = 16 << 10;
/// Requests of one connection.
const REQUESTS: usize = 1000;
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

/// A kit at an address.
pub struct Server {
    socket: TcpListener,
    folder: PathBuf,
    files: BTreeSet<String>,
}

impl Server {
    /// Takes the address.
    ///
    /// # Errors
    /// It is not a kit, or the address cannot be had.
    pub fn open(folder: &Path, address: SocketAddr) -> Result<Server> {
        let kit = OldKit::read_signed(folder)?;
        let mut files: BTreeSet<String> = kit.sums.into_keys().collect();
        files.extend(old::walk(folder)?.into_iter().filter(|path| old::is_beside(path)));
        let taken = |error: io::Error| {
            Error::new(format!("cannot listen at {address}: {error}")).help("choose another --listen ADDRESS:PORT")
        };
        let socket = TcpListener::bind(address).map_err(taken)?;
        socket.set_nonblocking(true).map_err(taken)?;
        Ok(Server { socket, folder: folder.to_path_buf(), files })
    }

    /// The address, with the port that port 0 became.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> Result<SocketAddr> {
        self.socket.local_addr().map_err(|error| Error::new(format!("cannot tell the address: {error}")))
    }

    /// Serves until the user interrupts; a line for each request.
    ///
    /// # Errors
    /// The socket fails.
    pub fn run(&self, listener: &dyn Listener) -> Result<()> {
        let open = Open::default();
        std::thread::scope(|scope| {
            while crate::interrupt::check().is_ok() {
                match self.socket.accept() {
                    Ok((stream, peer)) => {
                        if let Err(why) = open.begin(peer.ip()) {
                            listener.info(&format!("{peer}  refused: {why}"));
                            continue;
                        }
                        let open = &open;
                        scope.spawn(move || {
                            // A client may go away at any time.
                            let _ = self.connection(stream, peer, listener);
                            open.end(peer.ip());
                        });
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
                    // Out of descriptors or the like: it passes.
                    Err(_) => std::thread::sleep(PAUSE),
                }
            }
        });
        Ok(())
    }

    fn connection(&self, stream: TcpStream, peer: SocketAddr, listener: &dyn Listener) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut input = BufReader::new(Timed { stream: stream.try_clone()?, until: Instant::now() });
        let mut out = stream;
        for _ in 0..REQUESTS {
            input.get_mut().until = Instant::now() + PATIENCE;
            let Some(request) = Request::read(&mut input)? else { return Ok(()) };
            let answer = self.answer(&request);
            let sent = answer.send(&mut out, request.method != "HEAD", request.close);
            listener.info(&format!("{}  {} {} {} {}", peer.ip(), request.method, request.target, answer.status, answer.len));
            sent?;
            if request.close || crate::interrupt::check().is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn answer(&self, request: &Request) -> Answer {
        if request.bad {
            return Answer { close: true, ..Answer::plain("400 Bad Request") };
        }
        if request.method != "GET" && request.method != "HEAD" {
            let head = "Allow: GET, HEAD\r\n".to_owned();
            return Answer { close: true, head, ..Answer::plain("405 Method Not Allowed") };
        }
        // A body would be taken for the next request.
        if request.body {
            return Answer { close: true, ..Answer::plain("400 Bad Request") };
        }
        // A proxy's form of it has the whole address.
        let target = request
            .target
            .strip_prefix("http://")
            .map_or(request.target.as_str(), |rest| rest.find('/').map_or("/", |at| &rest[at..]));
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let Some(path) = decoded(path) else {
            return Answer { close: true, ..Answer::plain("400 Bad Request") };
        };
        let path = path.trim_start_matches('/');
        let path = if path.is_empty() { "index.html" } else { path };
        // Only names that are in the list are ever opened: there is no way out of the kit.
        if !self.files.contains(path) {
            return Answer::plain("404 Not Found");
        }
        match self.file(path, request) {
            Ok(answer) => answer,
            Err(_) => Answer::plain("500 Internal Server Error"),
        }
    }

    fn file(&self, path: &str, request: &Request) -> Result<Answer> {
        let full = self.folder.join(path);
        let mut file = open_below(&self.folder, path).or_cannot("read", &full)?;
        let meta = file.metadata().or_cannot("read", &full)?;
        let size = meta.len();
        let seconds = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |age| age.as_secs());
        let modified = jiff::Timestamp::from_second(seconds as i64)
            .map(|time| time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
            .unwrap_or_default();
        let head = format!("Last-Modified: {modified}\r\nAccept-Ranges: bytes\r\nContent-Type: {}\r\n", kind(path));
        if request.since.as_deref() == Some(&modified) {
            return Ok(Answer { head, ..Answer::plain("304 Not Modified") });
        }
        // A part of another file than the one that the client began with would be wrong: apt and curl say which by the time.
        let wanted = request.range.as_deref().filter(|_| request.if_range.as_deref().is_none_or(|time| time == modified));
        match wanted.and_then(|range| part(range, size)) {
            Some(Some((from, to))) => {
                file.seek(SeekFrom::Start(from)).or_cannot("read", &full)?;
                let head = format!("{head}Content-Range: bytes {from}-{to}/{size}\r\n");
                Ok(Answer { status: "206 Partial Content", head, len: to - from + 1, body: Some(file), close: false })
            }
            Some(None) => {
                let head = format!("Content-Range: bytes */{size}\r\n");
                Ok(Answer { head, ..Answer::plain("416 Range Not Satisfiable") })
            }
            None => Ok(Answer { status: "200 OK", head, len: size, body: Some(file), close: false }),
        }
    }
}

/// How many connections each address has open.
#[derive(Default)]
struct Open(Mutex<BTreeMap<IpAddr, usize>>);

impl Open {
    /// Counts one more, or says why there can be none.
    fn begin(&self, peer: IpAddr) -> std::result::Result<(), String> {
        let mut open = self.0.lock().expect("no holder panics");
        if open.values().sum::<usize>() >= CONNECTIONS {
            return Err(format!("{CONNECTIONS} connections are open"));
        }
        let own = open.entry(peer).or_default();
        if *own >= OF_ONE {
            return Err(format!("{OF_ONE} connections of this address are open"));
        }
        *own += 1;
        Ok(())
    }

    fn end(&self, peer: IpAddr) {
        let mut open = self.0.lock().expect("no holder panics");
        if let Some(own) = open.get_mut(&peer) {
            *own -= 1;
            if *own == 0 {
                open.remove(&peer);
            }
        }
    }
}

/// A connection that is read until a moment: a client that sends a byte a second keeps nobody else out for long.
struct Timed {
    stream: TcpStream,
    until: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}

/// Opens a plain file below a folder without following a link on the way, and without waiting for a pipe's other end: what lies in
/// the folder may have been exchanged since it was read.
fn open_below(folder: &Path, path: &str) -> io::Result<File> {
    use rustix::fs::{open, openat, Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut at = open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        let folder = if parts.peek().is_some() { OFlags::DIRECTORY } else { OFlags::empty() };
        at = openat(&at, part, flags | folder, Mode::empty())?;
    }
    let file = File::from(at);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// What is read of a request.
#[derive(Default)]
struct Request {
    method: String,
    target: String,
    range: Option<String>,
    if_range: Option<String>,
    since: Option<String>,
    close: bool,
    /// Whether something follows its head.
    body: bool,
    bad: bool,
}

impl Request {
    /// The next request; `None` at the connection's end.
    fn read(input: &mut impl BufRead) -> io::Result<Option<Request>> {
        let mut head = input.take(HEAD);
        let Some(first) = line(&mut head)?.filter(|line| !line.is_empty()) else { return Ok(None) };
        let mut words = first.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (method, target, version) = (word(), word(), word());
        let mut request =
            Request { method, target, close: version != "HTTP/1.1", bad: !version.starts_with("HTTP/1."), ..Request::default() };
        loop {
            match line(&mut head)? {
                Some(line) if line.is_empty() => return Ok(Some(request)),
                Some(line) => {
                    let Some((name, value)) = line.split_once(':') else { continue };
                    let value = value.trim().to_owned();
                    match name.to_ascii_lowercase().as_str() {
                        "range" => request.range = Some(value),
                        "if-range" => request.if_range = Some(value),
                        "if-modified-since" => request.since = Some(value),
                        "connection" => request.close |= value.eq_ignore_ascii_case("close"),
                        "content-length" if value != "0" => request.body = true,
                        "transfer-encoding" => request.body = true,
                        _ => {}
                    }
                }
                // Longer than a head may be, or cut.
                None => return Ok(Some(Request { bad: true, close: true, ..request })),
            }
        }
    }
}

/// A line without its end; `None` where there is no whole one.
fn line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    input.read_until(b'\n', &mut bytes)?;
    Ok(bytes.strip_suffix(b"\n").map(|line| String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()))
}

/// What goes back.
struct Answer {
    status: &'static str,
    head: String,
    len: u64,
    body: Option<File>,
    close: bool,
}

impl Answer {
    fn plain(status: &'static str) -> Answer {
        Answer { status, head: String::new(), len: 0, body: None, close: false }
    }

    fn send(&self, out: &mut TcpStream, with_body: bool, close: bool) -> io::Result<()> {
        let close = if close || self.close { "Connection: close\r\n" } else { "" };
        // An answer of 304 has no body, and no length of one.
        let length = if self.status.starts_with("304") { String::new() } else { format!("Content-Length: {}\r\n", self.len) };
        out.write_all(format!("HTTP/1.1 {}\r\n{}{length}{close}\r\n", self.status, self.head).as_bytes())?;
        if let Some(body) = self.body.as_ref().filter(|_| with_body) {
            io::copy(&mut body.take(self.len), out)?;
        }
        match self.close {
            true => out.shutdown(std::net::Shutdown::Both),
            false => Ok(()),
        }
    }
}

/// `bytes=A-B`, `bytes=A-`, `bytes=-N`: the first and the last byte, or none where the file has no such part. What is no such
/// range, or several, is as if it were not there (RFC 9110, 14.2).
#[allow(clippy::option_option)]
fn part(range: &str, size: u64) -> Option<Option<(u64, u64)>> {
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        true => Some(text.parse().unwrap_or(u64::MAX)),
        false => None,
    };
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = match (from, to) {
        ("", last) => match number(last)? {
            0 => return Some(None),
            last => (size.saturating_sub(last), u64::MAX),
        },
        (from, "") => (number(from)?, u64::MAX),
        (from, to) => (number(from)?, number(to)?),
    };
    if from > to {
        return None;
    }
    Some((from < size).then(|| (from, to.min(size - 1))))
}

/// Percent signs and what they stand for; `None` for what is no text.
fn decoded(path: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            byte => out.push(byte),
        }
    }
    String::from_utf8(out).ok()
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        Some("md" | "sh" | "ps1" | "sources" | "repo" | "asc" | "pub") => "text/plain; charset=utf-8",
        Some("gz") => "application/gzip",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_within_the_file() {
        assert_eq!(part("bytes=0-0", 10), Some(Some((0, 0))));
        assert_eq!(part("bytes=4-", 10), Some(Some((4, 9))));
        assert_eq!(part("bytes=-3", 10), Some(Some((7, 9))));
        assert_eq!(part("bytes=4-99999999999999999999", 10), Some(Some((4, 9))));
        for (outside, size) in [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0)] {
            assert_eq!(part(outside, size), Some(None), "{outside}");
        }
        for ignored in ["bytes=5-4", "bytes=0-1,3-4", "bytes=-", "items=0-1", "bytes=+1-2"] {
            assert_eq!(part(ignored, 10), None, "{ignored}");
        }
    }

    #[test]
    fn a_path_is_decoded_once() {
        assert_eq!(decoded("/a%20b%2525").as_deref(), Some("/a b%25"));
        assert_eq!(decoded("/%2"), None);
        assert_eq!(decoded("/%ff"), None);
    }

    #[test]
    fn a_head_that_is_too_long_is_bad_and_a_body_is_seen() {
        let read = |text: &str| Request::read(&mut text.as_bytes()).unwrap().unwrap();
        assert!(!read("GET / HTTP/1.1\r\nHost: a\r\n\r\n").bad);
        assert!(read("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc").body);
        assert!(read(&format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(20_000))).bad);
        assert!(read("GET /\r\n\r\n").bad);
    }

    #[test]
    fn one_address_leaves_connections_for_others() {
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let open = Open::default();
        assert!((0..OF_ONE).all(|_| open.begin(one).is_ok()));
        assert!(open.begin(one).unwrap_err().contains("of this address"));
        assert!((OF_ONE..CONNECTIONS).all(|_| open.begin(other).is_ok()));
        assert!(open.begin(IpAddr::from([10, 0, 0, 3])).is_err());
        open.end(one);
        assert!(open.begin(one).is_ok());
    }
}
