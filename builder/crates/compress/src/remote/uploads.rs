//! Units on their way to the server, while others are compressed.

use super::behind::There;
use super::{Put, Remote};
use crate::unit::Key;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Requests at a time.
const AT_ONCE: usize = 4;
/// Units that wait; a compressor that is faster than the line waits, too.
const WAITING: usize = 64;

/// A unit that the server may lack.
struct Offer {
    key: Key,
    file: PathBuf,
    there: There,
}

/// Sends units until it is settled. Dropped before, it leaves what waits.
#[derive(Debug)]
pub(crate) struct Uploads {
    queue: Mutex<Option<SyncSender<Offer>>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    /// A build asks for a unit once for each package.
    offered: Mutex<HashSet<Key>>,
    sent: Arc<AtomicU64>,
}

impl Uploads {
    /// Begins to send.
    pub fn to(remote: &Arc<Remote>) -> Uploads {
        let (queue, offers) = sync_channel(WAITING);
        let (offers, sent) = (Arc::new(Mutex::new(offers)), Arc::new(AtomicU64::new(0)));
        let worker = |_| {
            let (remote, offers, sent) = (remote.clone(), offers.clone(), sent.clone());
            std::thread::spawn(move || work(&remote, &offers, &sent))
        };
        Uploads {
            queue: Mutex::new(Some(queue)),
            workers: Mutex::new((0..AT_ONCE).map(worker).collect()),
            offered: Mutex::default(),
            sent,
        }
    }

    /// Sends a unit's file later.
    pub fn offer(&self, key: Key, file: PathBuf, there: There) {
        if !self.offered.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
            return;
        }
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // No worker is left only when the build has been given up.
        let _ = queue.map(|queue| queue.send(Offer { key, file, there }));
    }

    /// The server has this unit.
    pub fn has(&self, key: Key) {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
    }

    /// Waits until everything is sent.
    pub fn settle(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        for worker in self.workers.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = worker.join();
        }
    }

    /// How many units were sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

fn work(remote: &Remote, offers: &Mutex<Receiver<Offer>>, sent: &AtomicU64) {
    loop {
        let next = offers.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(offer) = next else { return };
        match send(remote, &offer) {
            Ok(true) => drop(sent.fetch_add(1, Ordering::Relaxed)),
            Ok(false) => {}
            Err(error) => remote.refuse(error),
        }
    }
}

/// Whether it was sent.
fn send(remote: &Remote, offer: &Offer) -> base::Result<bool> {
    let how = match offer.there {
        There::Unknown => match remote.has(&offer.key)? {
            Some(false) => Put::Create,
            _ => return Ok(false),
        },
        There::Missing => Put::Create,
        There::Wrong => Put::Replace,
    };
    remote.put(&offer.key, &offer.file, how)
}
