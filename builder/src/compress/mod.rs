//! Compresses each piece of content once, in parallel, and splices it into every stream that needs it.
//!
//! A **unit** is a piece of a large file; it is compressed independently of what lies around it and kept in the [`Store`] by its
//! content. What differs between packages (archive headers, small files) is the **glue** between units. A [`StreamWriter`] puts
//! glue and units together into one stream that every reader accepts: one gzip member, or one xz stream of many blocks.
//! Boundaries depend on content alone, so the bytes never depend on the number of threads.

mod codec;
mod gzip;
mod ordered;
mod store;
mod stream;
mod xz;

pub use codec::Codec;
pub use ordered::Ordered;
pub use store::{CacheChoice, Store, Unit};
pub use stream::{StreamTotals, StreamWriter};
