//! The contract: what the builder, the packages' scripts, the native actions, linkctl and the connector agree on, in one place.
//!
//! [`settings`] has the settings, [`exit_codes`] the exit codes, [`checks`] the checks before an installation, [`rules`] which
//! values the settings take, [`events`] what Windows' event log is told, [`names`] the names that a product goes by, [`places`] where its things lie. What is listed elsewhere is
//! made from these tables (docs/contract.md names each place), or held equal to them by a test. No dependencies, and nothing newer than
//! Rust 1.63: Debian's own compiler includes these files in what it builds for Windows.

pub mod checks;
pub mod events;
pub mod exit_codes;
pub mod names;
pub mod places;
pub mod rules;
pub mod settings;
