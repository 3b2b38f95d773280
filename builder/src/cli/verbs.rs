//! The verbs, as clap reads them.

use super::arguments::{
    AssembleArguments, InitArguments, InspectArguments, LintArguments, PreflightArguments, SignArguments, VerifyArguments,
};
use super::build::BuildArguments;
use super::examples;
use super::told::SchemaOf;
use clap::{Parser, Subcommand};
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
    #[command(after_help = examples::INIT)]
    Init(InitArguments),
    /// Build packages
    #[command(after_help = examples::BUILD)]
    Build(Box<BuildArguments>),
    /// Sign packages, and SHA256SUMS of their folder
    #[command(after_help = examples::SIGN)]
    Sign(SignArguments),
    /// Make a site's package out of the product's and a recipe, byte for byte
    #[command(after_help = examples::ASSEMBLE)]
    Assemble(AssembleArguments),
    /// Show what a package is and holds
    #[command(after_help = examples::INSPECT)]
    Inspect(InspectArguments),
    /// Verify checksums and signatures
    #[command(after_help = examples::VERIFY)]
    Verify(VerifyArguments),
    /// Find installation, upgrade and removal problems
    #[command(after_help = examples::LINT)]
    Lint(LintArguments),
    /// Make a kit for a closed site: repositories for apt, dnf and zypper, one signature over all, a page
    #[command(after_help = examples::KIT)]
    Kit(Box<super::kit::KitArguments>),
    /// Cut a build of many sites into jobs for any engine, and run them
    #[command(after_help = examples::PLAN)]
    Plan(Box<super::plan::PlanArguments>),
    /// Put the packages of a plan's jobs together as one build would, and sign them
    #[command(after_help = examples::MERGE)]
    Merge(super::plan::MergeArguments),
    /// Show what the cache of compressed content holds, or remove some of it
    #[command(after_help = examples::CACHE)]
    Cache(super::cache::CacheArguments),
    /// Run the packages' own checks on this machine; changes nothing
    #[command(after_help = examples::PREFLIGHT)]
    Preflight(PreflightArguments),
    /// Print the JSON Schema of linkpack.toml, of a site file, or of what a verb prints with --json
    #[command(after_help = examples::SCHEMA)]
    Schema {
        /// Of what
        #[arg(default_value = "manifest", value_name = "WHAT")]
        what: SchemaOf,
    },
    /// Print a completion script for a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff), or write one for each verb
    #[command(after_help = examples::MAN)]
    Man {
        /// Write linkpack.1 and a page for each verb, linkpack-VERB.1, into this folder
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}
