//! Compresses each piece of content once, in parallel, and splices it into every stream that needs it.
//!
//! A **unit** is a piece of a large file, or a run of small files with the archive headers between them (**glue**). Each is
//! compressed independently of what lies around it and kept in the [`Store`] by its content. A [`Layout`] puts units together into
//! one stream that every reader accepts: one gzip member, one xz stream of many blocks, or zstd frames.
//! Boundaries depend on content alone, so the bytes never depend on the number of threads.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod again;
mod cache;
mod claim;
mod codec;
mod deflate;
mod digest;
pub mod guard;
mod gzip;
pub mod lzx;
mod nature;
mod ordered;
pub mod prune;
mod remote;
mod seal;
mod segment;
mod source;
mod store;
mod stream;
mod unit;
mod unit_file;
mod xz;
mod zstd;

pub use cache::{Cache, CacheChoice, CacheUse, CACHE_LIMIT};
pub use codec::Codec;
pub use nature::Nature;
pub use ordered::Ordered;
pub use remote::RemoteCache;
pub use seal::CacheKey;
pub use source::{Bytes, Source};
pub use store::{MadeKey, Store};
pub use stream::{Layout, Packed, SmallContent};
pub use unit::Unit;
