//! The arguments of verbs, as clap reads them.

use crate::build::{CodecChoice, Packing};
use crate::format::asked_for;
use crate::manifest::{Format, Setting, System, Target};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::LazyLock;

#[derive(Debug, Args)]
pub struct AssembleArguments {
    /// The product's package
    pub base: PathBuf,
    /// The site's recipe, which linkpack build --per-site recipes wrote beside it
    pub recipe: PathBuf,
    /// The package to make, or a folder that it goes to under its own name
    #[arg(short = 'o', long, default_value = ".", value_name = "PACKAGE|DIR")]
    pub output: PathBuf,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct InitArguments {
    /// The folder to make
    pub dir: PathBuf,
    /// Add the reference connector and two containers, ready to build
    #[arg(long)]
    pub sample: bool,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

/// What is built, and how: a plan says the same as a build.
#[derive(Debug, Args)]
pub struct ProductArguments {
    /// The manifest
    #[arg(short = 'm', long, default_value = "linkpack.toml", value_name = "FILE")]
    pub manifest: PathBuf,
    /// Lay a value over the manifest: a key by its dotted path (product.version, container.NAME.command); repeat it for several
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = Setting::parse)]
    pub set: Vec<Setting>,
    /// The product's version, over the manifest's: short for --set product.version=VERSION
    #[arg(long, value_name = "VERSION")]
    pub product_version: Option<String>,
    /// The formats, separated by commas [default: every format the connector has a payload for]
    #[arg(short = 'f', long = "format", value_delimiter = ',', value_name = "FORMAT,...", value_parser = one_of(formats(), Format::name))]
    pub formats: Vec<Format>,
    /// The targets, separated by commas [default: every target the connector has a payload for]
    #[arg(short = 't', long = "target", value_delimiter = ',', value_name = "TARGET,...", value_parser = one_of(&Target::ALL, Target::name))]
    pub targets: Vec<Target>,
    /// How payloads are compressed (an MSI has a compression of its own)
    #[arg(long, default_value = "auto", value_parser = one_of_these(&CodecChoice::ALL, CodecChoice::name, CodecChoice::help))]
    pub codec: CodecChoice,
    /// How an MSI's cabinets are packed; lzx with --codec small, else mszip
    #[arg(long, value_name = "PACKING", value_parser = one_of_these(&Packing::ALL, Packing::name, packing_help))]
    pub cabinet: Option<Packing>,
    /// The MSI that transforms (-f mst) have to fit; that of the manifest when not given
    #[arg(long, value_name = "MSI")]
    pub base: Option<PathBuf>,
    /// Write no bills of materials (NAME-VERSION-TARGET.cdx.json and .spdx.json)
    #[arg(long)]
    pub no_sbom: bool,
    /// Write a dot for ~ in the names of files: GitHub's releases and some stores do not keep it. The version stays
    #[arg(long)]
    pub no_tilde: bool,
}

/// Where keys are; never what opens them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing")]
pub struct SigningArguments {
    /// A private key for MSI, .run and SHA256SUMS: PEM, PKCS#8 or PKCS#12 (.p12, .pfx)
    #[arg(long, value_name = "FILE", conflicts_with = "sign_command")]
    pub key: Option<PathBuf>,
    /// The key's certificate, then its issuers' (PEM); an MSI needs it
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// The public key (PEM) that --sign-command signs for, where there is no --cert
    #[arg(long, value_name = "FILE", requires = "sign_command")]
    pub public_key: Option<PathBuf>,
    /// A secret OpenPGP key for RPM and DEB, armoured or not
    #[arg(long, value_name = "FILE", conflicts_with = "openpgp_command")]
    pub openpgp_key: Option<PathBuf>,
    /// The keys' password is the first line of this file
    #[arg(long, value_name = "FILE", group = "password")]
    pub password_file: Option<PathBuf>,
    /// The keys' password is the first line read from this descriptor
    #[arg(long, value_name = "N", group = "password")]
    pub password_fd: Option<i32>,
    /// The keys' password is in this environment variable
    #[arg(long, value_name = "NAME", group = "password")]
    pub password_env: Option<String>,
    /// Signs for --key, run by sh -c: the SHA-256 (32 bytes) on its stdin, the raw signature on its stdout; see LINKPACK_SIGN_* in docs/signing.md
    #[arg(long, value_name = "COMMAND")]
    pub sign_command: Option<String>,
    /// Signs for --openpgp-key, run by sh -c: the data on its stdin, a detached signature on its stdout, as gpg --detach-sign makes it
    #[arg(long, value_name = "COMMAND")]
    pub openpgp_command: Option<String>,
    /// Countersign an MSI with the time of this RFC 3161 authority (http://, or by curl https://)
    #[arg(long, value_name = "URL", conflicts_with = "timestamp_command")]
    pub timestamp_url: Option<String>,
    /// Ask the authority by a command, run by sh -c: the request on its stdin, the response on its stdout
    #[arg(long, value_name = "COMMAND")]
    pub timestamp_command: Option<String>,
}

#[derive(Debug, Args)]
pub struct SignArguments {
    /// Packages, programs for Windows (.exe, .dll), or folders of packages
    #[arg(required = true, value_name = "PACKAGE|DIR")]
    pub packages: Vec<PathBuf>,
    /// In an MSI of linkpack's, sign the payloads' programs as well that nobody has signed
    #[arg(long)]
    pub sign_programs: bool,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
    /// Print nothing but warnings and errors
    #[arg(short = 'q', long)]
    pub quiet: bool,
    #[command(flatten)]
    pub signing: SigningArguments,
}

#[derive(Debug, Args)]
pub struct InspectArguments {
    /// The packages: .deb, .rpm, .run, .msi and .mst files, anyone's
    #[arg(required = true, value_name = "PACKAGE")]
    pub packages: Vec<PathBuf>,
    /// The MSI that a transform (.mst) is for: it tells the columns of tables that only its product has
    #[arg(long, value_name = "MSI")]
    pub base: Option<PathBuf>,
    /// List every file
    #[arg(long)]
    pub files: bool,
    /// Print the scripts
    #[arg(long)]
    pub scripts: bool,
    /// Say what changed from the first package to the second, and nothing else
    #[arg(long, conflicts_with_all = ["files", "scripts", "quick", "keys"])]
    pub diff: bool,
    /// Read the headers alone: no digest is compared, and no file's content is read (an RPM, .run or MSI answers at once)
    #[arg(long, conflicts_with = "keys")]
    pub quick: bool,
    /// A public key that signatures must be of; repeat it for several
    #[arg(long = "key", value_name = "PUBKEY")]
    pub keys: Vec<PathBuf>,
    /// Print one JSON document on standard output, with all files and scripts
    #[arg(long, conflicts_with_all = ["files", "scripts"])]
    pub json: bool,
    /// Write a page that needs no network: of one package with a map of the sizes, or with --diff of two
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// Packages, and folders of packages with their SHA256SUMS and manifest.json
    #[arg(required = true, value_name = "PACKAGE|DIR")]
    pub paths: Vec<PathBuf>,
    /// A public key that signatures must be of; repeat it for several
    #[arg(long = "key", value_name = "PUBKEY")]
    pub keys: Vec<PathBuf>,
    /// Build the packages again from this manifest and compare, signatures set aside
    #[arg(long, value_name = "linkpack.toml")]
    pub rebuild: Option<PathBuf>,
    /// With --rebuild: a value that the packages were built with (build --set); repeat it for several
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = Setting::parse, requires = "rebuild")]
    pub set: Vec<Setting>,
    /// With --rebuild: the version that the packages were built with (build --product-version)
    #[arg(long, value_name = "VERSION", requires = "rebuild")]
    pub product_version: Option<String>,
    /// The MSI that transforms (.mst) are for: they are applied to it and have to fit, row by row
    #[arg(long, value_name = "MSI")]
    pub base: Option<PathBuf>,
    /// A site file that the packages were built with; repeat it for several
    #[arg(short = 's', long = "site", value_name = "SITE.toml", requires = "rebuild")]
    pub sites: Vec<PathBuf>,
    /// Append a summary in Markdown to this file (GitHub: "$GITHUB_STEP_SUMMARY")
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct LintArguments {
    /// The packages: .deb, .rpm, .run, .msi and .mst files, anyone's, and folders of them
    #[arg(required_unless_present = "explain", value_name = "PACKAGE|DIR")]
    pub packages: Vec<PathBuf>,
    /// The MSI that they replace: that they find it, and lose no file, component or feature of it
    #[arg(long, value_name = "MSI")]
    pub previous: Option<PathBuf>,
    /// A Linux system that they are meant for, as in the manifest (debian-12, rhel-8 ...); repeat it for several
    #[arg(long = "system", value_name = "NAME", value_parser = one_of(&System::ALL, System::name))]
    pub systems: Vec<System>,
    /// A rule whose findings are meant and not told; repeat it for several
    #[arg(long = "allow", value_name = "RULE", value_parser = rule)]
    pub allow: Vec<String>,
    /// The manifest whose [lint] table names more such rules; linkpack.toml in the package's folder or the one above when not given
    #[arg(short = 'm', long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Append a summary in Markdown to this file (GitHub: "$GITHUB_STEP_SUMMARY")
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// How the findings are printed
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    pub format: FindingsFormat,
    /// Print one JSON document on standard output (the same as --format json)
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Say what a rule finds, how it is judged and what to do, and do nothing else
    #[arg(long, value_name = "RULE", value_parser = rule)]
    pub explain: Option<String>,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FindingsFormat {
    /// Lines for people
    Text,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, as code scanning services read it
    Sarif,
    /// Commands of GitHub Actions, which annotate
    Github,
    /// GitLab's Code Quality report
    Gitlab,
}

fn rule(name: &str) -> Result<String, String> {
    crate::rules::check(name).map(|()| name.to_owned())
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

/// What each way to pack cabinets is for.
fn packing_help(packing: Packing) -> &'static str {
    match packing {
        Packing::Mszip => "Quick to make",
        Packing::Lzx => "A quarter smaller, and takes several times as long to make; every Windows unpacks it",
    }
}

/// The formats that `-f` takes.
fn formats() -> &'static [Format] {
    static FORMATS: LazyLock<Vec<Format>> = LazyLock::new(|| asked_for().collect());
    &FORMATS
}

/// Reads one of `all` by its name, and shows the names in help and completions.
pub fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    chosen(all, name, all.iter().map(|one| PossibleValue::new(name(*one))).collect())
}

/// Reads one of `all` by its name, and shows what each is for.
fn one_of_these<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
    help: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    chosen(all, name, all.iter().map(|one| PossibleValue::new(name(*one)).help(help(*one))).collect())
}

fn chosen<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
    values: Vec<PossibleValue>,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(values)
        .map(move |given| *all.iter().find(|one| name(**one) == given).expect("clap lets none but the names through"))
}

/// Reads a whole number between two bounds.
pub fn number<T>(range: RangeInclusive<u64>) -> impl TypedValueParser<Value = T>
where
    T: TryFrom<u64> + Clone + Send + Sync + 'static,
{
    move |text: &str| {
        let found = text.parse().ok().filter(|number| range.contains(number)).and_then(|number| T::try_from(number).ok());
        found.ok_or_else(|| format!("give a whole number from {} to {}", range.start(), range.end()))
    }
}
