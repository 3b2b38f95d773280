//! RFC 3161: asking an authority to sign the time, and checking what it signed.

use super::certificate::{generalized_time, Broken, Certificate, Chain, Purpose};
use super::cms::{self, SignedData, ONE};
use super::der::{self, tlv, Reader};
use super::key::Hash;
use super::signer::ShellCommand;
use base::error::{Error, Result};
use base::http::{AtMost, Failure, Request, PATIENCE};
use std::time::{Duration, SystemTime};

const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
/// Bytes of an authority's answer.
const ANSWER_LIMIT: usize = 1 << 20;
/// By how much an authority's clock and ours may differ.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The media types of RFC 3161.
const QUERY: &str = "application/timestamp-query";
const REPLY: &str = "application/timestamp-reply";

/// How an authority is asked.
pub enum Stamper {
    /// By plain HTTP: what is answered is signed, so there is nothing that TLS would protect. See [`Stamper::at`].
    Url {
        /// Its address.
        url: String,
        /// How long it may take for the whole exchange.
        patience: Duration,
    },
    /// By a command of the user's: the request on its standard input, the response on its standard output.
    Command(ShellCommand),
    /// By HTTPS, for authorities that take nothing else: curl has the machine's certificates and proxies.
    Curl {
        /// Its address.
        url: String,
        /// The call.
        command: ShellCommand,
    },
}

impl Stamper {
    /// How long an authority at an address may take.
    pub const PATIENCE: Duration = PATIENCE;

    /// The authority at an address of http or https. `hidden` is the variable with our password, which curl is not to see.
    pub fn at(url: &str, hidden: Option<&str>) -> Stamper {
        if !url.starts_with("https://") {
            return Stamper::Url { url: url.to_owned(), patience: Stamper::PATIENCE };
        }
        let line = format!(
            "exec curl --silent --show-error --fail --proto =https --max-time {} --header 'Content-Type: {QUERY}' --header 'Accept: {REPLY}' \
             --data-binary @- --url '{}'",
            Stamper::PATIENCE.as_secs(),
            url.replace('\'', r"'\''"),
        );
        Stamper::Curl { url: url.to_owned(), command: ShellCommand::new(&line, "--timestamp-url", hidden) }
    }

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
            Stamper::Url { url, patience } => post(url, *patience, &request)?,
            Stamper::Command(command) => {
                command.run(&[("LINKPACK_SIGN_PURPOSE", "timestamp".to_owned())], &mut request.as_slice())?
            }
            Stamper::Curl { url, command } => command.run(&[], &mut request.as_slice()).map_err(|error| {
                Error::new(format!("the time stamping authority {url} cannot be asked by curl: {}", error.what())).help(
                    "what curl said is above (apt-get install curl, where it is not there); or ask it with --timestamp-command",
                )
            })?,
        };
        token(&answer, signature, &nonce, SystemTime::now()).map_err(|why| {
            Error::new(format!("the time stamping authority's answer cannot be used: {why}"))
                .help("ask another authority, or leave the time stamp out")
        })
    }
}

fn post(url: &str, patience: Duration, request: &[u8]) -> Result<Vec<u8>> {
    let headers = [("Content-Type", QUERY), ("Accept", REPLY)];
    let mut answer = AtMost::new(ANSWER_LIMIT);
    let asked = Request { method: "POST", url, headers: &headers, patience };
    let why = match asked.send(request.len() as u64, &mut &request[..], &mut answer) {
        Ok(got) if got.status == 200 => return Ok(answer.bytes),
        Ok(got) => format!("it answers \"{}\"", got.line),
        Err(Failure::Unreachable(why)) => why,
        Err(Failure::Here(error)) if error.is_interrupted() => return Err(error),
        Err(Failure::Here(error)) => error.to_string(),
    };
    Err(Error::new(format!("the time stamping authority {url} cannot be asked: {why}"))
        .help("give its http:// or https:// address, or ask it with --timestamp-command"))
}

fn imprint(signature: &[u8]) -> Vec<u8> {
    tlv(der::SEQUENCE, &[&cms::sha256(), &tlv(der::OCTETS, &[&Hash::Sha256.digest(signature)])])
}

/// TimeStampReq, asking for the certificate, too.
fn request(signature: &[u8], nonce: &[u8]) -> Vec<u8> {
    let certificate = [der::BOOLEAN, 1, 0xFF];
    tlv(der::SEQUENCE, &[&ONE, &imprint(signature), &tlv(der::INTEGER, &[nonce]), &certificate])
}

/// The token in a TimeStampResp, which has to be of now, and of a certificate that may stamp. Who issued that is the verifier's to judge.
fn token(answer: &[u8], signature: &[u8], nonce: &[u8], now: SystemTime) -> Result<Vec<u8>, String> {
    let mut parts = Reader(answer).expect(der::SEQUENCE).ok_or("it is not a TimeStampResp")?.inside();
    let status = parts.expect(der::SEQUENCE).ok_or("it is not a TimeStampResp")?;
    if let Some(refusal) = refusal(status).ok_or("it has no status")? {
        return Err(refusal);
    }
    let token = parts.expect(der::SEQUENCE).ok_or("it holds no token")?;
    let data = SignedData::read(token.whole).ok_or("its token cannot be read")?;
    let info = Info::read(&data).ok_or("its token cannot be read")?;
    if !info.is_over(signature)? {
        return Err("it is over something else".to_owned());
    }
    if info.nonce != Some(nonce) {
        return Err("it answers to another request".to_owned());
    }
    let end = data.end().ok_or("it does not hold its certificate")?;
    data.check(end)?;
    end.check_use(Purpose::TimeStamping, info.time)?;
    if info.time > now + DAY || info.time + DAY < now {
        return Err(format!("its time, {}, is not this machine's: one of the two clocks is wrong", shown(info.time)));
    }
    Ok(token.whole.to_vec())
}

/// What a PKIStatusInfo says where it refuses; the outer `None` for one that cannot be read.
fn refusal(status: der::Element) -> Option<Option<String>> {
    let mut parts = status.inside();
    let number = parts.expect(der::INTEGER)?.content;
    // granted, or granted with modifications
    if matches!(number, [0 | 1]) {
        return Some(None);
    }
    let texts = parts.optional(der::SEQUENCE).and_then(|texts| texts.inside().all(16)).unwrap_or_default();
    let said: Vec<_> = texts.iter().map(|one| String::from_utf8_lossy(one.content)).collect();
    let said: String = said.join(" ").chars().filter(|c| !c.is_control()).take(200).collect();
    let refusal = format!("it is a refusal, status {}", hex::encode(number));
    Some(Some(if said.is_empty() { refusal } else { format!("{refusal}: {said}") }))
}

fn shown(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    jiff::Timestamp::from_second(seconds as i64).map_or_else(|_| seconds.to_string(), |time| time.to_string())
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

    /// Whether it is about these bytes, by a digest that counts.
    fn is_over(&self, bytes: &[u8]) -> Result<bool, String> {
        let mut parts = Reader(self.imprint).expect(der::SEQUENCE).ok_or("it cannot be read")?.inside();
        let hash = cms::digest_hash(parts.expect(der::SEQUENCE).ok_or("it cannot be read")?)?;
        Ok(parts.expect(der::OCTETS).is_some_and(|digest| digest.content == hash.digest(bytes)))
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
    if !info.is_over(signature)? {
        return Err("it is over something else".to_owned());
    }
    let end = data.end().or_else(|| pool.iter().find(|one| data.is_by(one))).ok_or("its certificate is missing")?;
    data.check(end)?;
    if info.time > now + DAY {
        return Err("its time is in the future".to_owned());
    }
    let all: Vec<Certificate> = data.certificates.iter().chain(pool).cloned().collect();
    let chain = Chain { anchors, pool: &all, purpose: Purpose::TimeStamping, at: info.time };
    chain.check(end).map_err(|broken| match broken {
        Broken::Stranger => format!("its authority, {}, is not among the given keys", end.describe()),
        Broken::Because(why) => why,
    })?;
    Ok((info.time, format!("time stamp {} by {}", shown(info.time), end.describe())))
}
