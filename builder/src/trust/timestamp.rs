//! RFC 3161: asking an authority to sign the time, and checking what it signed.

use super::certificate::{generalized_time, Broken, Certificate, Chain, Purpose};
use super::cms::{self, SignedData, ONE};
use super::der::{self, tlv, Reader};
use super::key::Hash;
use super::signer::ShellCommand;
use crate::error::{Error, Result};
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, SystemTime};

const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
/// How long an authority may take for each step.
const PATIENCE: Duration = Duration::from_secs(30);
const ANSWER_LIMIT: u64 = 1 << 20;

/// How an authority is asked.
pub enum Stamper {
    /// By HTTP at this address.
    Url(String),
    /// By a command of the user's: the request on its standard input, the response on its standard output.
    Command(ShellCommand),
}

impl Stamper {
    /// A token (a ContentInfo) over some signature's bytes.
    ///
    /// # Errors
    /// The authority cannot be reached, refuses, or answers to something else.
    pub fn stamp(&self, signature: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; 8];
        rsa::rand_core::RngCore::fill_bytes(&mut rsa::rand_core::OsRng, &mut nonce);
        // A positive INTEGER of exactly eight bytes.
        nonce[0] = nonce[0] & 0x7F | 0x40;
        let request = request(signature, &nonce);
        let answer = match self {
            Stamper::Url(url) => post(url, &request)?,
            Stamper::Command(command) => {
                command.run(&[("LINKPACK_SIGN_PURPOSE", "timestamp".to_owned())], &mut request.as_slice())?
            }
        };
        token(&answer, signature, &nonce).map_err(|why| {
            Error::new(format!("the time stamping authority's answer cannot be used: {why}"))
                .help("ask another authority, or leave the time stamp out")
        })
    }
}

fn imprint(signature: &[u8]) -> Vec<u8> {
    tlv(der::SEQUENCE, &[&cms::sha256(), &tlv(der::OCTETS, &[&Hash::Sha256.digest(signature)])])
}

/// TimeStampReq, asking for the certificate, too.
fn request(signature: &[u8], nonce: &[u8]) -> Vec<u8> {
    let certificate = [der::BOOLEAN, 1, 0xFF];
    tlv(der::SEQUENCE, &[&ONE, &imprint(signature), &tlv(der::INTEGER, &[nonce]), &certificate])
}

/// The token in a TimeStampResp.
fn token(answer: &[u8], signature: &[u8], nonce: &[u8]) -> Result<Vec<u8>, String> {
    let mut parts = Reader(answer).expect(der::SEQUENCE).ok_or("it is not a TimeStampResp")?.inside();
    let status = parts.expect(der::SEQUENCE).and_then(|status| status.inside().expect(der::INTEGER)).ok_or("it has no status")?;
    if !matches!(status.content, [0 | 1]) {
        return Err(format!("it is a refusal, status {}", hex::encode(status.content)));
    }
    let token = parts.expect(der::SEQUENCE).ok_or("it holds no token")?;
    let data = SignedData::read(token.whole).ok_or("its token cannot be read")?;
    let info = Info::read(&data).ok_or("its token cannot be read")?;
    if info.imprint != imprint(signature) {
        return Err("it is over something else".to_owned());
    }
    if info.nonce != Some(nonce) {
        return Err("it answers to another request".to_owned());
    }
    data.check(data.end().ok_or("it does not hold its certificate")?)?;
    Ok(token.whole.to_vec())
}

/// TSTInfo.
struct Info<'a> {
    imprint: &'a [u8],
    time: SystemTime,
    nonce: Option<&'a [u8]>,
}

impl<'a> Info<'a> {
    fn read(data: &SignedData<'a>) -> Option<Info<'a>> {
        if data.content_type != der::oid(TST_INFO) {
            return None;
        }
        let mut parts = Reader(data.content.content).expect(der::SEQUENCE)?.inside();
        parts.expect(der::INTEGER)?;
        parts.expect(der::OID)?;
        let imprint = parts.expect(der::SEQUENCE)?.whole;
        parts.expect(der::INTEGER)?;
        let time = generalized_time(parts.expect(der::GENERALIZED_TIME)?.content)?;
        let rest = parts.all(16)?;
        let nonce = rest.iter().find(|one| one.tag == der::INTEGER).map(|one| one.content);
        Some(Info { imprint, time, nonce })
    }
}

/// The time of a token over a signature, and what to say of it.
///
/// # Errors
/// Why it does not count.
pub fn check(
    token: &[u8],
    signature: &[u8],
    anchors: &[Certificate],
    pool: &[Certificate],
    now: SystemTime,
) -> Result<(SystemTime, String), String> {
    let data = SignedData::read(token).ok_or("it cannot be read")?;
    let info = Info::read(&data).ok_or("it cannot be read")?;
    let mut parts = Reader(info.imprint).expect(der::SEQUENCE).ok_or("it cannot be read")?.inside();
    let hash = cms::digest_hash(parts.expect(der::SEQUENCE).ok_or("it cannot be read")?)?;
    if parts.expect(der::OCTETS).is_none_or(|digest| digest.content != hash.digest(signature)) {
        return Err("it is over something else".to_owned());
    }
    let end = data.end().or_else(|| pool.iter().find(|one| data.is_by(one))).ok_or("its certificate is missing")?;
    data.check(end)?;
    if info.time > now + Duration::from_secs(24 * 3600) {
        return Err("its time is in the future".to_owned());
    }
    let all: Vec<Certificate> = data.certificates.iter().chain(pool).cloned().collect();
    let chain = Chain { anchors, pool: &all, purpose: Purpose::TimeStamping, at: info.time };
    chain.check(end).map_err(|broken| match broken {
        Broken::Stranger => format!("its authority, {}, is not among the given keys", end.describe()),
        Broken::Because(why) => why,
    })?;
    let seconds = info.time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let time = jiff::Timestamp::from_second(seconds as i64).map_or_else(|_| seconds.to_string(), |time| time.to_string());
    Ok((info.time, format!("time stamp {time} by {}", end.describe())))
}

/// Sends a request by plain HTTP: what is answered is signed, so there is nothing that TLS would protect.
fn post(url: &str, request: &[u8]) -> Result<Vec<u8>> {
    let wrong = |why: &str| {
        Error::new(format!("the time stamping authority {url} cannot be asked: {why}"))
            .help("give its http:// address, or ask it with --timestamp-command, for instance by curl")
    };
    let rest = url.strip_prefix("http://").ok_or_else(|| wrong("its address does not begin with http://"))?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if host.is_empty() || host.contains('@') || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(wrong("its address is not one"));
    }
    let with_port =
        if host.rsplit(']').next().is_some_and(|end| end.contains(':')) { host.to_owned() } else { format!("{host}:80") };
    let path = if path.is_empty() { "/" } else { path };
    // HTTP/1.0 keeps the answer in one piece, to the end of the connection.
    let head = format!(
        "POST {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: linkpack\r\nContent-Type: application/timestamp-query\r\n\
         Accept: application/timestamp-reply\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        request.len()
    );
    let answer = exchange(&with_port, &[head.as_bytes(), request].concat()).map_err(|error| wrong(&error.to_string()))?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(|| wrong("it does not speak HTTP"))?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let status = head.lines().next().unwrap_or_default().to_owned();
    if status.split(' ').nth(1) != Some("200") {
        let status: String = status.chars().filter(|c| !c.is_control()).take(80).collect();
        return Err(wrong(&format!("it answers \"{status}\"")));
    }
    Ok(answer[end + 4..].to_vec())
}

fn exchange(host: &str, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut last = std::io::Error::other("its name has no address");
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(mut stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                stream.write_all(request)?;
                let mut answer = Vec::new();
                stream.take(ANSWER_LIMIT).read_to_end(&mut answer)?;
                return Ok(answer);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
