//! Work done in parallel whose results come back in the order they were asked for, with a bound on what is under way.

use base::error::{Error, Result};
use rayon::ThreadPool;
use std::collections::VecDeque;
use std::sync::mpsc::{sync_channel, Receiver};
use std::sync::Arc;

/// A queue of jobs on a thread pool. So many jobs are under way at most, which bounds memory.
pub struct Ordered<T> {
    pool: Arc<ThreadPool>,
    limit: usize,
    under_way: VecDeque<Receiver<Result<T>>>,
}

impl<T: Send + 'static> Ordered<T> {
    /// An empty queue on `pool`, of two jobs a thread: for jobs that are small until they run.
    pub fn new(pool: Arc<ThreadPool>) -> Self {
        Ordered { limit: 2 * pool.current_num_threads(), pool, under_way: VecDeque::new() }
    }

    /// One in which a single job waits: for jobs that bring megabytes along.
    pub fn short(pool: Arc<ThreadPool>) -> Self {
        Ordered { limit: pool.current_num_threads() + 1, ..Ordered::new(pool) }
    }

    /// Starts a job. When the queue is full, waits for the oldest job and returns its result.
    pub fn submit(&mut self, job: impl FnOnce() -> Result<T> + Send + 'static) -> Result<Option<T>> {
        let full = self.under_way.len() >= self.limit;
        let oldest = if full { self.oldest()? } else { None };
        let (sender, receiver) = sync_channel(1);
        self.pool.spawn(move || {
            // The receiver is gone when the build failed meanwhile; the result is then of no use to anyone.
            let _ = sender.send(job());
        });
        self.under_way.push_back(receiver);
        Ok(oldest)
    }

    /// Waits for the oldest job; `None` when there is none.
    pub fn oldest(&mut self) -> Result<Option<T>> {
        match self.under_way.pop_front() {
            None => Ok(None),
            Some(receiver) => receiver.recv().map_err(|_| Error::new("a worker thread ended without a result"))?.map(Some),
        }
    }
}
