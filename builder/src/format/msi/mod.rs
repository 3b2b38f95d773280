//! Windows Installer packages.

mod cab;
mod container;
mod database;
mod schema;
mod strings;
mod summary;
