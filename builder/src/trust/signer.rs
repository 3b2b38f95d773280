//! What signs a digest: a key of ours, or a command of the user's that reaches an HSM or a signing service.

use super::key::{Hash, PrivateKey, PublicKey};
use crate::error::{Error, Result};
use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// Bytes of what a command gives back.
const ANSWER_LIMIT: u64 = 1 << 20;

/// Signs SHA-256 digests.
pub struct Signer {
    means: Means,
    public: PublicKey,
}

enum Means {
    Key(PrivateKey),
    Command(ShellCommand),
}

impl Signer {
    /// Signs with a key.
    ///
    /// # Errors
    /// The key is too weak.
    pub fn key(key: PrivateKey) -> Result<Signer> {
        let public = strong(key.public())?;
        Ok(Signer { means: Means::Key(key), public })
    }

    /// Has a command sign for the key whose public half this is.
    ///
    /// # Errors
    /// As [`Signer::key`].
    pub fn command(command: ShellCommand, public: PublicKey) -> Result<Signer> {
        Ok(Signer { means: Means::Command(command), public: strong(public)? })
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a SHA-256. `purpose` is told to a command: `authenticode`, `run`, `site` or `sums`.
    ///
    /// # Errors
    /// The key or the command fails, or the command's answer is not a signature of the key.
    pub fn sign(&self, digest: &[u8; 32], purpose: &str) -> Result<Vec<u8>> {
        let signature = match &self.means {
            Means::Key(key) => key.sign(digest)?,
            Means::Command(command) => {
                let about = [
                    ("LINKPACK_SIGN_PURPOSE", purpose.to_owned()),
                    ("LINKPACK_SIGN_ALGORITHM", self.public.algorithm().to_owned()),
                    ("LINKPACK_SIGN_DIGEST", hex::encode(digest)),
                    ("LINKPACK_SIGN_KEY", self.public.fingerprint()),
                ];
                command.run(&about, &mut digest.as_slice())?
            }
        };
        match self.public.verify(Hash::Sha256, digest, &signature) {
            true => Ok(signature),
            false => Err(Error::new(format!("what was signed is not a signature of the key {}", self.public.fingerprint()))
                .note(format!("a raw {} signature of {} bytes or so is expected", self.public.algorithm(), signature.len()))
                .help("check that --cert or --public-key belongs to the key that the command uses, and that it signs the digest as it is")),
        }
    }
}

fn strong(public: PublicKey) -> Result<PublicKey> {
    match public.weakness() {
        Some(why) => Err(Error::new(format!("the key cannot be used for signing: {why}"))
            .help("make another: openssl ecparam -genkey -name prime256v1 -noout -out key.pem")),
        None => Ok(public),
    }
}

/// A command line of the user's, which `/bin/sh -c` runs as it is written.
#[derive(Debug, Clone)]
pub struct ShellCommand {
    line: String,
    option: &'static str,
    /// The variable with our password, which is none of its business.
    hidden: Option<String>,
}

impl ShellCommand {
    /// `option` is what the user knows it by.
    pub fn new(line: &str, option: &'static str, hidden: Option<&str>) -> ShellCommand {
        ShellCommand { line: line.to_owned(), option, hidden: hidden.map(str::to_owned) }
    }

    /// Runs it with `input` on its standard input; its standard output is the answer, what it says goes to our standard error.
    ///
    /// # Errors
    /// It cannot be started, ends with another status than 0, or answers with nothing or too much.
    pub fn run(&self, variables: &[(&str, String)], input: &mut (dyn Read + Send)) -> Result<Vec<u8>> {
        let failed = |error: std::io::Error| Error::new(format!("cannot run the command of {}: {error}", self.option));
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(&self.line).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        if let Some(name) = &self.hidden {
            command.env_remove(name);
        }
        let mut child = command.spawn().map_err(failed)?;
        let (mut to, from) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let mut answer = Vec::new();
        let (written, read) = std::thread::scope(|scope| {
            // A command may answer before it has read everything, and stop reading.
            let writing = scope.spawn(move || std::io::copy(input, &mut to).and_then(|_| to.flush()));
            let read = from.take(ANSWER_LIMIT + 1).read_to_end(&mut answer);
            (writing.join().unwrap_or(Ok(())), read)
        });
        let status = child.wait().map_err(failed)?;
        read.map_err(failed)?;
        match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(failed(error)),
            _ => {}
        }
        let wrong = |what: String| Error::new(format!("the command of {} {what}", self.option));
        if !status.success() {
            return Err(wrong(format!("failed: {status}")).help("what it said is above; run it by hand to see why"));
        }
        if answer.is_empty() || answer.len() as u64 > ANSWER_LIMIT {
            return Err(
                wrong(format!("answered with {} bytes", answer.len())).help("it has to put the signature on standard output")
            );
        }
        Ok(answer)
    }
}
