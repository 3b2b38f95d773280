//! The arguments, as clap reads them.

use crate::build::{CodecChoice, FormatName};
use crate::manifest::{System, Target};
use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Makes MSI, DEB, RPM and self-extracting .run packages of a connector and its containers, from one manifest, offline.
#[derive(Debug, Parser)]
#[command(name = "linkpack", version, disable_help_subcommand = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a commented linkpack.toml
    Init(InitArguments),
    /// Build packages
    Build(BuildArguments),
    /// Check packages for what goes wrong at their installation, repair, upgrade or removal
    Lint(LintArguments),
    /// Run the packages' own checks on this machine; changes nothing
    Preflight(PreflightArguments),
    /// Print the JSON Schema of linkpack.toml
    Schema,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff)
    Man,
}

#[derive(Debug, Args)]
pub struct InitArguments {
    /// The folder to make
    pub dir: PathBuf,
    /// Add the reference connector and two containers, ready to build
    #[arg(long)]
    pub sample: bool,
}

#[derive(Debug, Args)]
pub struct BuildArguments {
    /// The manifest
    #[arg(short = 'm', long, default_value = "linkpack.toml", value_name = "FILE")]
    pub manifest: PathBuf,
    /// A site file; repeat it for several sites
    #[arg(short = 's', long = "site", value_name = "SITE.toml")]
    pub sites: Vec<PathBuf>,
    /// The formats, separated by commas; all that the connector has a payload for when not given
    #[arg(short = 'f', long = "format", value_delimiter = ',', value_name = "FORMAT,...")]
    pub formats: Vec<FormatName>,
    /// The targets, separated by commas; all that the connector has a payload for when not given
    #[arg(short = 't', long = "target", value_delimiter = ',', value_name = "TARGET,...")]
    pub targets: Vec<Target>,
    /// The folder that packages go to
    #[arg(short = 'o', long, default_value = "dist", value_name = "DIR")]
    pub output: PathBuf,
    /// How many threads compress; the number of processors when not given
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// How payloads are compressed (an MSI has a compression of its own)
    #[arg(long, default_value = "auto")]
    pub codec: CodecChoice,
    /// Keep compressed content here for the next build
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    pub cache: Option<PathBuf>,
    /// Keep nothing for the next build
    #[arg(long)]
    pub no_cache: bool,
    /// Write no bills of materials (NAME-VERSION-TARGET.cdx.json and .spdx.json)
    #[arg(long)]
    pub no_sbom: bool,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
    /// Print nothing but warnings and errors
    #[arg(short = 'q', long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct LintArguments {
    /// The packages: .deb, .rpm, .run and .msi files, whoever made them
    #[arg(required = true, value_name = "PACKAGE")]
    pub packages: Vec<PathBuf>,
    /// A Linux system that they are meant for, as in the manifest (debian-12, rhel-8 ...); repeat it for several
    #[arg(long = "system", value_name = "NAME")]
    pub systems: Vec<System>,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PreflightArguments {
    /// The install root to check
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

impl ValueEnum for CodecChoice {
    fn value_variants<'a>() -> &'a [Self] {
        &[CodecChoice::Auto, CodecChoice::Fast, CodecChoice::Zstd, CodecChoice::Small]
    }
    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            CodecChoice::Auto => (
                "auto",
                "The smallest that every system can read in all formats asked for: xz, or gzip where a .run is among them",
            ),
            CodecChoice::Fast => ("fast", "gzip: quickest to make, read everywhere"),
            CodecChoice::Zstd => (
                "zstd",
                "zstd: quickest to install, where all systems of the manifest read it; a .run needs zstd on the endpoint",
            ),
            CodecChoice::Small => ("small", "xz: smallest; a .run needs xz on the endpoint"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

impl ValueEnum for FormatName {
    fn value_variants<'a>() -> &'a [Self] {
        &FormatName::ALL
    }
    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

impl std::fmt::Display for FormatName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl ValueEnum for System {
    fn value_variants<'a>() -> &'a [Self] {
        &System::ALL
    }
    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

impl ValueEnum for Target {
    fn value_variants<'a>() -> &'a [Self] {
        &Target::ALL
    }
    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}
