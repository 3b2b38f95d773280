//! One POST by plain HTTP/1.0 to a server that may be slow, silent, endless or hostile.

use base::error::{Error, Result};
use base::interrupt;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// How long a server may take for the whole exchange; one that dribbles is as useless as one that is silent.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How often a waiting read looks at the clock and for an interrupt.
const TICK: Duration = Duration::from_millis(100);
/// Bytes of an answer, its head included.
const ANSWER_LIMIT: usize = 1 << 20;
const HEAD_LIMIT: usize = 16 << 10;

/// What is sent, and how long an answer is waited for.
pub struct Post<'a> {
    /// `http://HOST[:PORT][/PATH]`; names no user.
    pub url: &'a str,
    /// The media type of the body.
    pub sends: &'a str,
    /// The media type of the answer.
    pub accepts: &'a str,
    /// The request's body.
    pub body: &'a [u8],
    /// For the whole exchange, [`PATIENCE`] as a rule.
    pub patience: Duration,
}

impl Post<'_> {
    /// Sends it; the body of an answer with status 200.
    ///
    /// # Errors
    /// A sentence with the address and why; an interrupt.
    pub fn send(&self) -> Result<Vec<u8>> {
        let wrong = |why: String| Error::new(format!("{} cannot be asked: {why}", self.url));
        let (host, path) = self.place().map_err(|why| wrong(why.to_owned()))?;
        // A literal IPv6 address has colons of its own, in brackets.
        let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
        let address = if has_port { host.to_owned() } else { format!("{host}:80") };
        // HTTP/1.0 keeps the answer in one piece, to the end of the connection.
        let head = format!(
            "POST {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: linkpack\r\nContent-Type: {}\r\nAccept: {}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.sends,
            self.accepts,
            self.body.len()
        );
        let deadline = Instant::now() + self.patience;
        let mut stream = self.connect(&address, deadline).map_err(|error| wrong(error.to_string()))?;
        stream.write_all(&[head.as_bytes(), self.body].concat()).map_err(|error| wrong(error.to_string()))?;
        let mut answer = Answer::default();
        while !answer.is_whole() {
            interrupt::check()?;
            if Instant::now() >= deadline {
                return Err(wrong(format!("it gave no whole answer within {} s", self.patience.as_secs_f32())));
            }
            if !answer.read(&mut stream).map_err(&wrong)? {
                break;
            }
        }
        answer.body().map_err(wrong)
    }

    fn place(&self) -> Result<(&str, &str), &'static str> {
        let rest = self.url.strip_prefix("http://").ok_or("its address does not begin with http://")?;
        let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let plain = self.url.chars().all(|c| c.is_ascii_graphic());
        match plain && !host.is_empty() && !host.contains('@') {
            true if path.is_empty() => Ok((host, "/")),
            true if path.starts_with('/') => Ok((host, path.split('#').next().unwrap_or("/"))),
            _ => Err("its address is not one"),
        }
    }

    /// The first of its addresses that answers.
    fn connect(&self, address: &str, deadline: Instant) -> std::io::Result<TcpStream> {
        let mut last = std::io::Error::other("its name has no address");
        for address in address.to_socket_addrs()? {
            let left = deadline.saturating_duration_since(Instant::now()).max(TICK);
            match TcpStream::connect_timeout(&address, left) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(TICK))?;
                    stream.set_write_timeout(Some(left))?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// What came back so far.
#[derive(Default)]
struct Answer {
    bytes: Vec<u8>,
    /// Where the body begins, once the head is whole.
    body_at: Option<usize>,
    /// The body's length, where the head says it.
    length: Option<usize>,
}

impl Answer {
    /// Reads what is there; `false` at its end.
    fn read(&mut self, stream: &mut impl Read) -> Result<bool, String> {
        let mut buffer = [0; 8192];
        let count = match stream.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
                return Ok(true)
            }
            Err(error) => return Err(error.to_string()),
        };
        self.bytes.extend_from_slice(&buffer[..count]);
        if self.bytes.len() > ANSWER_LIMIT {
            return Err(format!("its answer is longer than {ANSWER_LIMIT} bytes"));
        }
        if self.body_at.is_none() {
            self.find_body()?;
        }
        Ok(count > 0)
    }

    fn find_body(&mut self) -> Result<(), String> {
        let Some(end) = self.bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return if self.bytes.len() > HEAD_LIMIT { Err("it does not speak HTTP".to_owned()) } else { Ok(()) };
        };
        let head = String::from_utf8_lossy(&self.bytes[..end]);
        let mut lines = head.lines();
        let status = lines.next().unwrap_or_default();
        if !status.starts_with("HTTP/1.") {
            return Err("it does not speak HTTP".to_owned());
        }
        if status.split(' ').nth(1) != Some("200") {
            let status: String = status.chars().filter(|c| !c.is_control()).take(80).collect();
            return Err(format!("it answers \"{status}\""));
        }
        let length = lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        self.length = match length {
            Some((_, length)) => Some(length.trim().parse().map_err(|_| "it does not speak HTTP")?),
            None => None,
        };
        self.body_at = Some(end + 4);
        Ok(())
    }

    fn is_whole(&self) -> bool {
        matches!((self.body_at, self.length), (Some(at), Some(length)) if self.bytes.len() - at >= length)
    }

    fn body(mut self) -> Result<Vec<u8>, String> {
        let at = self.body_at.ok_or("it does not speak HTTP")?;
        let mut body = self.bytes.split_off(at);
        match self.length {
            Some(length) if body.len() < length => Err("its answer ends too early".to_owned()),
            Some(length) => {
                body.truncate(length);
                Ok(body)
            }
            None => Ok(body),
        }
    }
}
