//! One request by plain HTTP/1.0 to a server that may be slow, silent, endless or hostile.

use crate::error::{Error, Result};
use crate::interrupt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// How long a server may take for the whole exchange of a small body; one that dribbles is as useless as one that is silent.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes a second that a body takes at most longer: slower lines are no use for it.
const SLOWEST: u64 = 64 << 10;
/// How often a waiting read or write looks at the clock and for an interrupt.
const TICK: Duration = Duration::from_millis(100);
const HEAD_LIMIT: usize = 16 << 10;
const BLOCK: usize = 64 << 10;

/// What is asked, and how long an answer is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `HEAD`, `PUT` or `POST`.
    pub method: &'a str,
    /// `http://HOST[:PORT][/PATH]`; names no user.
    pub url: &'a str,
    /// Names and values of headers beside those that every request has.
    pub headers: &'a [(&'a str, &'a str)],
    /// For the exchange without its bodies, [`PATIENCE`] as a rule.
    pub patience: Duration,
}

/// An answer, whose body went where it was to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 200 and the like.
    pub status: u16,
    /// The whole first line, for messages.
    pub line: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// The server cannot be reached, breaks off, is too slow or speaks something else: a sentence's end.
    Unreachable(String),
    /// What was to be sent cannot be read, or the answer not be written; the address is none; an interrupt.
    Here(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Here(error)
    }
}

impl Request<'_> {
    /// Sends a body of `len` bytes; the body of an answer with status 200 goes to `into`.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn send(&self, len: u64, body: &mut dyn Read, into: &mut dyn Write) -> Result<Answer, Failure> {
        let (host, path) = place(self.url).map_err(|why| Error::new(format!("its address {why}")))?;
        // A literal IPv6 address has colons of its own, in brackets.
        let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
        let address = if has_port { host.to_owned() } else { format!("{host}:80") };
        // HTTP/1.0 keeps the answer in one piece, to the end of the connection.
        let mut head =
            format!("{} {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: linkpack\r\nConnection: close\r\n", self.method);
        if len > 0 || matches!(self.method, "PUT" | "POST") {
            head.push_str(&format!("Content-Length: {len}\r\n"));
        }
        for (name, value) in self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut line =
            Line { stream: connect(&address, self.patience)?, begun: Instant::now(), patience: self.patience, moved: 0 };
        // A server that refuses a body answers before it has read it, and closes.
        let sent = line.send(head.as_bytes()).and_then(|()| line.send_body(len, body));
        if let Err(Failure::Here(error)) = sent {
            return Err(Failure::Here(error));
        }
        match (line.answer(self.method == "HEAD", into), sent) {
            (Err(Failure::Unreachable(_)), Err(first)) => Err(first),
            (answer, _) => answer,
        }
    }
}

/// Host and path of an address, or what is wrong with it.
///
/// # Errors
/// The end of a sentence that begins with the address.
pub fn place(url: &str) -> Result<(&str, &str), &'static str> {
    let rest = url.strip_prefix("http://").ok_or("does not begin with http://")?;
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let plain = url.chars().all(|c| c.is_ascii_graphic());
    match plain && !host.is_empty() && !host.contains('@') {
        true if path.is_empty() => Ok((host, "/")),
        true if path.starts_with('/') => Ok((host, path.split('#').next().unwrap_or("/"))),
        _ => Err("is not one"),
    }
}

/// The first of the host's addresses that answers.
fn connect(address: &str, patience: Duration) -> Result<TcpStream, Failure> {
    let unreachable = |error: io::Error| Failure::Unreachable(error.to_string());
    let deadline = Instant::now() + patience;
    let mut last = io::Error::other("its name has no address");
    for address in address.to_socket_addrs().map_err(unreachable)? {
        interrupt::check()?;
        let left = deadline.saturating_duration_since(Instant::now()).max(TICK);
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => {
                stream.set_read_timeout(Some(TICK)).and_then(|()| stream.set_write_timeout(Some(TICK))).map_err(unreachable)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(unreachable(last))
}

/// A connection, its clock, and how much went over it.
struct Line {
    stream: TcpStream,
    begun: Instant,
    patience: Duration,
    moved: u64,
}

impl Line {
    /// Looks at the clock and for an interrupt.
    fn check(&self) -> Result<(), Failure> {
        interrupt::check()?;
        let patience = self.patience + Duration::from_secs(self.moved / SLOWEST);
        match self.begun.elapsed() < patience {
            true => Ok(()),
            false => Err(Failure::Unreachable(format!("it gave no whole answer within {} s", patience.as_secs_f32()))),
        }
    }

    fn send(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            self.check()?;
            match self.stream.write(bytes) {
                Ok(0) => return Err(Failure::Unreachable("it closes the connection".to_owned())),
                Ok(count) => {
                    bytes = &bytes[count..];
                    self.moved += count as u64;
                }
                Err(error) if is_pause(&error) => {}
                Err(error) => return Err(Failure::Unreachable(error.to_string())),
            }
        }
        Ok(())
    }

    fn send_body(&mut self, len: u64, body: &mut dyn Read) -> Result<(), Failure> {
        let mut block = vec![0; BLOCK.min(len as usize)];
        let mut left = len;
        while left > 0 {
            let now = left.min(BLOCK as u64) as usize;
            body.read_exact(&mut block[..now]).map_err(|error| Error::new(format!("cannot read what is to be sent: {error}")))?;
            self.send(&block[..now])?;
            left -= now as u64;
        }
        Ok(())
    }

    /// Some bytes; none at the end.
    fn read(&mut self, block: &mut [u8]) -> Result<usize, Failure> {
        loop {
            self.check()?;
            match self.stream.read(block) {
                Ok(count) => {
                    self.moved += count as u64;
                    return Ok(count);
                }
                Err(error) if is_pause(&error) => {}
                Err(error) => return Err(Failure::Unreachable(error.to_string())),
            }
        }
    }

    fn answer(&mut self, bodiless: bool, into: &mut dyn Write) -> Result<Answer, Failure> {
        let mut block = vec![0; BLOCK];
        let mut bytes = Vec::new();
        let end = loop {
            match bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end,
                None if bytes.len() > HEAD_LIMIT => return Err(not_http()),
                None => match self.read(&mut block)? {
                    0 if bytes.is_empty() => return Err(Failure::Unreachable("it closes the connection".to_owned())),
                    0 => return Err(not_http()),
                    count => bytes.extend_from_slice(&block[..count]),
                },
            }
        };
        let (answer, length) = head(&String::from_utf8_lossy(&bytes[..end]))?;
        if answer.status != 200 || bodiless {
            return Ok(answer);
        }
        let first = &bytes[end + 4..];
        let mut left = length.unwrap_or(u64::MAX);
        let mut put = |some: &[u8]| -> Result<(), Failure> {
            let some = &some[..left.min(some.len() as u64) as usize];
            left -= some.len() as u64;
            into.write_all(some).map_err(|error| Failure::Here(Error::new(format!("cannot keep what is answered: {error}"))))?;
            Ok(())
        };
        put(first)?;
        let mut got = first.len() as u64;
        while length.is_none_or(|length| got < length) {
            match self.read(&mut block)? {
                0 if length.is_some() => return Err(Failure::Unreachable("its answer ends too early".to_owned())),
                0 => break,
                count => {
                    got += count as u64;
                    put(&block[..count])?;
                }
            }
        }
        Ok(answer)
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn not_http() -> Failure {
    Failure::Unreachable("it does not speak HTTP".to_owned())
}

/// The status, and the body's length where the head says it.
fn head(head: &str) -> Result<(Answer, Option<u64>), Failure> {
    let mut lines = head.lines();
    let line: String = lines.next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(80).collect();
    let status = line.starts_with("HTTP/1.").then(|| line.split(' ').nth(1)?.parse().ok()).flatten().ok_or_else(not_http)?;
    let length = lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.map(|(_, length)| length.trim().parse().map_err(|_| not_http())).transpose()?;
    Ok((Answer { status, line }, length))
}

/// At most so many bytes in memory: a [`Write`] for answers that have to be small.
#[derive(Debug)]
pub struct AtMost {
    /// What came so far.
    pub bytes: Vec<u8>,
    limit: usize,
}

impl AtMost {
    /// Nothing yet.
    pub fn new(limit: usize) -> AtMost {
        AtMost { bytes: Vec::new(), limit }
    }
}

impl Write for AtMost {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(io::Error::other(format!("it is longer than {} bytes", self.limit)));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Gives that answer to one request; returns what was asked.
    fn asked(answer: &'static [u8], request: impl FnOnce(&str)) -> Vec<u8> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/a?b", listener.local_addr().unwrap());
        std::thread::scope(|scope| {
            let server = scope.spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut seen = vec![0; 4096];
                let count = stream.read(&mut seen).unwrap();
                stream.write_all(answer).unwrap();
                seen.truncate(count);
                seen
            });
            request(&url);
            server.join().unwrap()
        })
    }

    fn get(answer: &'static [u8]) -> (Result<Answer, Failure>, Vec<u8>) {
        let (mut into, mut got) = (AtMost::new(10), None);
        asked(answer, |url| {
            let request = Request { method: "GET", url, headers: &[("Accept", "x/y")], patience: Duration::from_secs(5) };
            got = Some(request.send(0, &mut io::empty(), &mut into));
        });
        (got.unwrap(), into.bytes)
    }

    #[test]
    fn the_body_of_an_answer_is_as_long_as_its_head_says() {
        assert_eq!(get(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcdef").1, b"abc");
        assert_eq!(get(b"HTTP/1.0 200 OK\r\n\r\nabcdef").1, b"abcdef");
        let (answer, body) = get(b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc");
        assert_eq!((answer.unwrap().status, body), (404, Vec::new()));
    }

    #[test]
    fn what_is_cut_or_no_http_is_told() {
        let why = |answer| match get(answer).0 {
            Err(Failure::Unreachable(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), "its answer ends too early");
        assert_eq!(why(b"220 mail.example ESMTP\r\n\r\n"), "it does not speak HTTP");
        assert_eq!(why(b"HTTP/1.1 200"), "it does not speak HTTP");
        assert_eq!(why(b""), "it closes the connection");
    }

    #[test]
    fn an_answer_that_is_too_long_is_an_error_here() {
        assert!(matches!(get(b"HTTP/1.1 200 OK\r\n\r\nabcdefghijklmnop").0, Err(Failure::Here(_))));
    }

    #[test]
    fn what_is_sent_has_its_length() {
        let seen = asked(b"HTTP/1.1 201 Created\r\n\r\n", |url| {
            let request = Request { method: "PUT", url, headers: &[("If-None-Match", "*")], patience: PATIENCE };
            assert_eq!(request.send(3, &mut &b"abc"[..], &mut io::sink()).unwrap().status, 201);
        });
        let seen = String::from_utf8(seen).unwrap();
        assert!(seen.starts_with("PUT /a?b HTTP/1.0\r\nHost: 127.0.0.1"), "{seen}");
        assert!(seen.contains("Content-Length: 3\r\nIf-None-Match: *\r\n\r\n"), "{seen}");
    }

    #[test]
    fn an_address_is_a_host_and_a_path() {
        assert_eq!(place("http://h:1/a#b"), Ok(("h:1", "/a")));
        assert_eq!(place("http://[::1]"), Ok(("[::1]", "/")));
        for wrong in ["https://h/", "http://", "http://user@h/", "http://h/a b", "http://h?x"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
