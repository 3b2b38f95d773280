//! What lets a site check packages: what is in them, and how they were made.

pub mod provenance;
pub mod sbom;
