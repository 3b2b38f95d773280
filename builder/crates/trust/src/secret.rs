//! Secrets: where passwords come from, and key files. Nothing here is printed, and what was read is wiped after use.

use base::error::{Error, IoContext, Result};
use base::interrupt;
use base::listener::Listener;
use std::fs::File;
use std::io::Read;
use std::os::fd::FromRawFd;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where the password of a key is. Never on a command line, which every user of the machine can read.
#[derive(Debug, Clone, Default)]
pub enum PasswordSource {
    /// The keys have none.
    #[default]
    None,
    /// The first line of a file.
    File(PathBuf),
    /// The first line of what can be read from an inherited descriptor.
    Descriptor(i32),
    /// The environment variable of this name.
    Environment(String),
}

/// Bytes of a password, a key file or a file of certificates.
const PASSWORD_LIMIT: usize = 4096;
const KEY_LIMIT: u64 = 4 << 20;

impl PasswordSource {
    /// Reads the password; call it once, a descriptor has it only once.
    ///
    /// # Errors
    /// It is not where it was said to be.
    pub fn read(&self, listener: &dyn Listener) -> Result<Option<Zeroizing<String>>> {
        match self {
            PasswordSource::None => Ok(None),
            PasswordSource::File(path) => {
                let at = path.clone();
                let (file, line) = interrupt::waiting(move || {
                    let file = File::open(&at).or_cannot("read the password file", &at)?;
                    let line = first_line(&file, &at.display().to_string())?;
                    Ok((file, line))
                })?;
                warn_of_readers(&file, path, "the password file", listener);
                Ok(Some(line))
            }
            PasswordSource::Descriptor(number) => first_line(descriptor(*number)?, &format!("descriptor {number}")).map(Some),
            PasswordSource::Environment(name) => {
                let value = std::env::var(name).map_err(|_| {
                    Error::new(format!("the environment has no password in {name}"))
                        .help(format!("set {name}, or name another variable with --password-env"))
                })?;
                Ok(Some(Zeroizing::new(value)))
            }
        }
    }

    /// The variable that no other program needs to see.
    pub fn variable(&self) -> Option<&str> {
        match self {
            PasswordSource::Environment(name) => Some(name),
            _ => None,
        }
    }
}

fn descriptor(number: i32) -> Result<File> {
    // What this process opened itself closes when it starts another; what was handed to it does not.
    let inherited = |flags: rustix::io::FdFlags| !flags.contains(rustix::io::FdFlags::CLOEXEC);
    let open = number >= 0 && rustix::io::fcntl_getfd(borrow(number)).is_ok_and(inherited);
    if !open {
        return Err(Error::new(format!("descriptor {number} is not open"))
            .help("hand the password over like this: linkpack sign --password-fd 3 ... 3<FILE"));
    }
    // SAFETY: it was just found open, it is the user's who named it, and nothing else of this process uses it.
    Ok(unsafe { File::from_raw_fd(number) })
}

fn borrow(number: i32) -> std::os::fd::BorrowedFd<'static> {
    // SAFETY: only asked whether it is open.
    unsafe { std::os::fd::BorrowedFd::borrow_raw(number) }
}

/// Reads no further than the line's end: who types it at a terminal, or hands over a pipe that stays open, is not waited for.
fn first_line(mut input: impl Read, place: &str) -> Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(Vec::with_capacity(PASSWORD_LIMIT));
    let mut byte = Zeroizing::new([0]);
    loop {
        match input.read(&mut *byte) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => interrupt::check()?,
            Err(error) => return Err(Error::new(format!("cannot read the password from {place}: {error}"))),
            Ok(0) => break,
            Ok(_) if *byte == *b"\n" => break,
            Ok(_) if line.len() == PASSWORD_LIMIT => {
                return Err(Error::new(format!("the first line of {place} is longer than any password")))
            }
            Ok(_) => line.extend_from_slice(&*byte),
        }
    }
    let line = line.strip_suffix(b"\r").unwrap_or(&line);
    let text = std::str::from_utf8(line).map_err(|_| Error::new(format!("the password in {place} is not UTF-8")))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The bytes of a private key's file; warns where others may read it.
///
/// # Errors
/// It cannot be read, or is larger than any key.
pub fn key_file(path: &Path, listener: &dyn Listener) -> Result<Zeroizing<Vec<u8>>> {
    let (file, bytes) = limited(path, "read the key")?;
    warn_of_readers(&file, path, "the key", listener);
    Ok(Zeroizing::new(bytes))
}

/// The bytes of a file of public keys or certificates.
///
/// # Errors
/// As [`key_file`].
pub fn public_file(path: &Path) -> Result<Vec<u8>> {
    limited(path, "read").map(|(_, bytes)| bytes)
}

/// A file and its bytes. It may be a pipe whose writer is long in coming.
fn limited(path: &Path, doing: &'static str) -> Result<(File, Vec<u8>)> {
    let path = path.to_owned();
    interrupt::waiting(move || {
        let file = File::open(&path).or_cannot(doing, &path)?;
        // Room for all at once: a vector that grows leaves copies of a secret behind.
        let len = file.metadata().map_or(0, |meta| meta.len()).min(KEY_LIMIT);
        let mut bytes = Vec::with_capacity(len as usize + 1);
        (&file).take(KEY_LIMIT + 1).read_to_end(&mut bytes).or_cannot("read", &path)?;
        match bytes.len() as u64 > KEY_LIMIT {
            true => Err(Error::new(format!("{} is larger than any key or list of certificates", path.display()))),
            false => Ok((file, bytes)),
        }
    })
}

fn warn_of_readers(file: &File, path: &Path, what: &str, listener: &dyn Listener) {
    use std::os::unix::fs::MetadataExt;
    let Ok(meta) = file.metadata() else { return };
    if meta.is_file() && meta.mode() & 0o077 != 0 {
        let path = path.display();
        listener.warning(&format!("{what} {path} can be read by others (mode {:o}): chmod 600 {path}", meta.mode() & 0o777));
    }
}
