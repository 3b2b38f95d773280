//! Decompression on another processor than the one that looks at the bytes.

use super::unpack::{Ahead, Beyond, Chain, Codec, Unpacker, BLOCK};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// Packed bytes from which on a thread saves more than it costs.
pub const WORTH_A_THREAD: u64 = 1 << 20;
/// Blocks that may wait to be looked at.
const WAITING: usize = 4;

/// A range of an open file, whatever else is read of it meanwhile.
pub struct Piece {
    file: File,
    at: u64,
    end: u64,
    /// How many bytes were read since somebody asked.
    passed: Arc<AtomicU64>,
}

impl Piece {
    pub(super) fn new(file: File, range: Range<u64>) -> Self {
        Piece { file, at: range.start, end: range.end, passed: Arc::default() }
    }
}

impl Read for Piece {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += count as u64;
        self.passed.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// What the decoder's thread says.
enum Told {
    Bytes(Vec<u8>),
    Failed(io::Error),
    End(Beyond),
}

/// The decompressed bytes of a piece, made by a thread of their own.
pub(super) struct Beside<'a> {
    told: Option<Receiver<Told>>,
    worker: Option<JoinHandle<()>>,
    bytes: Vec<u8>,
    at: usize,
    beyond: Rc<Cell<Beyond>>,
    passed: Arc<AtomicU64>,
    /// Is told how many packed bytes were read.
    progress: Box<dyn Fn(u64) + 'a>,
}

impl<'a> Beside<'a> {
    /// Begins to unpack; `beyond` gets what follows, once all was read.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn start(
        piece: Piece,
        codec: Codec,
        unpacker: Unpacker,
        beyond: Rc<Cell<Beyond>>,
        progress: impl Fn(u64) + 'a,
    ) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING);
        let passed = Arc::clone(&piece.passed);
        let worker = thread::Builder::new().name("unpack".to_owned()).spawn(move || unpack(piece, codec, unpacker, &sender))?;
        let (told, worker) = (Some(receiver), Some(worker));
        Ok(Beside { told, worker, bytes: Vec::new(), at: 0, beyond, passed, progress: Box::new(progress) })
    }
}

/// Unpacks until the end, a fault, or until the reader is gone.
fn unpack(piece: Piece, codec: Codec, unpacker: Unpacker, sender: &SyncSender<Told>) {
    let beyond = Rc::default();
    let done = Chain::new(Ahead::new(piece), codec, unpacker, Rc::clone(&beyond)).and_then(|mut chain| loop {
        let mut block = vec![0; BLOCK];
        let filled = fill(&mut chain, &mut block);
        let (count, failed) = match filled {
            (count, Err(error)) => (count, Some(error)),
            (0, Ok(())) => break Ok(()),
            (count, Ok(())) => (count, None),
        };
        block.truncate(count);
        // What was good before a fault is shown first.
        if sender.send(Told::Bytes(block)).is_err() {
            break Ok(());
        }
        if let Some(error) = failed {
            break Err(error);
        }
    });
    let last = match done {
        Ok(()) => Told::End(beyond.get()),
        Err(error) => Told::Failed(error),
    };
    // An error here: the reader is gone.
    let _ = sender.send(last);
}

/// As many bytes as there are, up to a block.
fn fill(chain: &mut impl Read, block: &mut [u8]) -> (usize, io::Result<()>) {
    let mut count = 0;
    while count < block.len() {
        match chain.read(&mut block[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (count, Err(error)),
        }
    }
    (count, Ok(()))
}

impl Read for Beside<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.bytes.len() {
            let Some(told) = &self.told else { return Ok(0) };
            let next = told.recv().map_err(|_| io::Error::other("the thread that unpacks it ended too early"));
            (self.progress)(self.passed.swap(0, Ordering::Relaxed));
            match next {
                Ok(Told::Bytes(bytes)) => (self.bytes, self.at) = (bytes, 0),
                Ok(Told::End(beyond)) => {
                    self.beyond.set(beyond);
                    self.told = None;
                }
                Ok(Told::Failed(error)) | Err(error) => {
                    self.told = None;
                    return Err(error);
                }
            }
        }
        let count = buffer.len().min(self.bytes.len() - self.at);
        buffer[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        self.told = None;
        if let Some(worker) = self.worker.take() {
            // It says its faults in the channel.
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn beside(bytes: &[u8], unpacker: Unpacker, beyond: &Rc<Cell<Beyond>>) -> Beside<'static> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let piece = Piece::new(file, 2..bytes.len() as u64);
        Beside::start(piece, Codec::Gzip, unpacker, Rc::clone(beyond), |_| ()).unwrap()
    }

    #[test]
    fn the_bytes_and_what_follows_are_those_of_the_one_thread() {
        let text: Vec<u8> = (0..3_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let (beyond, mut read) = (Rc::default(), Vec::new());
        let bytes = [&b"##"[..], &packed(&text)[..], b"more"].concat();
        beside(&bytes, Unpacker::Dpkg, &beyond).read_to_end(&mut read).unwrap();
        assert!(read == text);
        assert_eq!(beyond.get().bytes, 4);
    }

    #[test]
    fn a_fault_comes_after_what_is_good_and_a_reader_may_leave() {
        let text = vec![b'x'; 9_000_000];
        let whole = [&b"##"[..], &packed(&text)[..]].concat();
        let mut read = Vec::new();
        let error = beside(&whole[..whole.len() - 4], Unpacker::Tools, &Rc::default()).read_to_end(&mut read).unwrap_err();
        assert_eq!((error.kind(), read.len()), (io::ErrorKind::UnexpectedEof, text.len()));
        // More blocks wait than fit: it ends all the same.
        let mut first = [0; 10];
        beside(&whole, Unpacker::Tools, &Rc::default()).read_exact(&mut first).unwrap();
    }
}
