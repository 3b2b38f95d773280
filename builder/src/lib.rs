//! linkpack: DEB, RPM and self-extracting packages of a connector and its containers, from one manifest.

pub mod endpoint;
