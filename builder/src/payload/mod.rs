//! Where bytes come from: directories, tar and zip archives, DEB and RPM packages, each read into a [`Tree`] of entries.

mod content;
mod tree;

pub use content::{Content, ContentReader};
pub use tree::{Entry, Kind, Tree, TreePath};
