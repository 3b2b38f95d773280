//! `linkpack kit`: kits for closed sites.

use super::arguments::{number, SigningArguments};
use super::examples;
use super::screen::Screen;
use crate::build::{ByOwn, Signing};
use crate::error::{Error, Result};
use crate::kit::accept::Request;
use crate::kit::{self, Keys, Options};
use crate::new_file;
use crate::trust;
use crate::trust::openpgp_text::TrustedKey;
use crate::trust::secret::public_file;
use clap::{Args, Subcommand};
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct KitArguments {
    #[command(subcommand)]
    pub verb: Option<KitVerb>,
    #[command(flatten)]
    pub make: MakeArguments,
}

#[derive(Debug, Subcommand)]
pub enum KitVerb {
    /// Serve a kit over HTTP, read-only, to apt, dnf, zypper and msiexec
    #[command(after_help = examples::KIT_SERVE)]
    Serve(ServeArguments),
    /// Verify a kit at the site, and report what is in it and what is different from the kit before
    #[command(after_help = examples::KIT_ACCEPT)]
    Accept(AcceptArguments),
    /// Make the next kit out of the one that the site has and a delta
    #[command(after_help = examples::KIT_APPLY)]
    Apply(ApplyArguments),
    /// Show which known vulnerabilities the components of a kit have, from the advisories in it
    #[command(after_help = examples::KIT_CVE)]
    Cve(CveArguments),
    /// Add a second person's signature to a kit
    #[command(after_help = examples::KIT_COUNTERSIGN)]
    Countersign(CountersignArguments),
}

#[derive(Debug, Args)]
pub struct AcceptArguments {
    /// The kit
    #[arg(value_name = "KIT")]
    pub kit: PathBuf,
    /// The fingerprint of a key that is trusted, from the sheet: 64 hexadecimal digits; repeat it for several
    #[arg(long = "fingerprint", value_name = "HEX", value_parser = digits)]
    pub fingerprints: Vec<String>,
    /// The kit that was accepted last: its key is trusted, and the next one that it names
    #[arg(long, value_name = "OLDKIT")]
    pub against: Option<PathBuf>,
    /// How many trusted keys have to have signed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = number::<u8>(1..=16))]
    pub require: u8,
    /// Who accepts; the account's name when not given
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Where the report goes (HTML); with --key its signature lies beside it as FILE.sig
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
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
pub struct ApplyArguments {
    /// The kit that the site has
    #[arg(value_name = "OLDKIT")]
    pub old: PathBuf,
    /// The folder that `linkpack kit --since` wrote
    #[arg(value_name = "DELTA")]
    pub delta: PathBuf,
    /// The folder that becomes the new kit; a kit that lies there is replaced
    #[arg(short = 'o', long, value_name = "KIT")]
    pub output: PathBuf,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
    /// Print nothing but warnings and errors
    #[arg(short = 'q', long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct CveArguments {
    /// The kit
    #[arg(value_name = "KIT")]
    pub kit: PathBuf,
    #[command(flatten)]
    pub known: KnownArguments,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct KnownArguments {
    /// Advisories in OSV form: .json, .jsonl, or a folder of .json; repeat it for several
    #[arg(long, value_name = "FILE")]
    pub osv: Vec<PathBuf>,
    /// What vendors say to them, CSAF 2.0 or OpenVEX: .json, or a folder of .json; repeat it for several
    #[arg(long, value_name = "FILE")]
    pub vex: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CountersignArguments {
    /// The kit
    #[arg(value_name = "KIT")]
    pub kit: PathBuf,
    #[command(flatten)]
    pub signing: SigningArguments,
}

#[derive(Debug, Args)]
pub struct ServeArguments {
    /// The kit
    #[arg(value_name = "KIT")]
    pub kit: PathBuf,
    /// Where to listen; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// No line for each request
    #[arg(short = 'q', long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("images").args(["zip", "iso"]).multiple(true)))]
pub struct MakeArguments {
    /// Folders that `build` wrote to, and packages
    #[arg(required = true, value_name = "DIST")]
    pub sources: Vec<PathBuf>,
    /// The folder that becomes the kit; a kit that lies there is replaced
    #[arg(short = 'o', long, value_name = "KIT", required_unless_present = "into")]
    pub output: Option<PathBuf>,
    /// Add to this kit and keep the older versions in it
    #[arg(long, value_name = "KIT", conflicts_with = "output")]
    pub into: Option<PathBuf>,
    /// The kit that the site has: the new one keeps its name, is never of an earlier time, and a delta that makes it out of that one is written
    #[arg(long, value_name = "OLDKIT", conflicts_with = "into")]
    pub since: Option<PathBuf>,
    /// The folder that becomes the delta; KIT.delta with --since when not given
    #[arg(long, value_name = "DELTA")]
    pub delta: Option<PathBuf>,
    /// A linkpack that the delta carries, for sites that have none
    #[arg(long, value_name = "FILE")]
    pub tool: Option<PathBuf>,
    /// What the repositories are called; the shortest package name when not given
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The public OpenPGP key that --openpgp-command signs for
    #[arg(long, value_name = "FILE", requires = "openpgp_command")]
    pub openpgp_public: Option<PathBuf>,
    /// The public key (PEM) that will sign the kits after this key: its fingerprint is put into this kit
    #[arg(long, value_name = "FILE")]
    pub next_key: Option<PathBuf>,
    /// Write the kit as one zip, too
    #[arg(long, value_name = "FILE")]
    pub zip: Option<PathBuf>,
    /// Write the kit as an image of a disc, too (ISO 9660 with Rock Ridge and Joliet)
    #[arg(long, value_name = "FILE")]
    pub iso: Option<PathBuf>,
    /// No zip or image larger than this (4.7G, 700M, 25GiB): several, each a kit of its own
    #[arg(long, value_name = "SIZE", value_parser = size, requires = "images")]
    pub volume_size: Option<u64>,
    /// Add recovery data (PAR2) for worn discs and diodes: so much of the kit, and of each zip and image, may be lost
    #[arg(long, value_name = "PERCENT", value_parser = number::<u32>(1..=100))]
    pub par2: Option<u32>,
    /// Give packages a second name in the kit instead of copying them, where both lie on one file system: they are then the same files
    #[arg(long)]
    pub hard_links: bool,
    #[command(flatten)]
    pub known: KnownArguments,
    /// Write these channels: cloud-init, windows, or all
    #[arg(short = 'c', long = "channel", value_name = "CHANNEL,...", value_delimiter = ',', value_parser = kit::channels::named)]
    pub channels: Vec<&'static str>,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
    /// Print nothing but warnings and errors
    #[arg(short = 'q', long)]
    pub quiet: bool,
    #[command(flatten)]
    pub signing: SigningArguments,
}

/// The exit code of `kit cve` where something is known that no statement clears.
const OPEN: u8 = 3;

/// Runs the verb.
pub fn run(arguments: &KitArguments) -> ExitCode {
    let (done, as_json) = match &arguments.verb {
        Some(KitVerb::Serve(arguments)) => (serve(arguments), false),
        Some(KitVerb::Accept(arguments)) => match accept(arguments) {
            // Its document has the faults.
            Ok(Some(refused)) => (Err(refused), false),
            done => (done.map(|_| ()), arguments.json),
        },
        Some(KitVerb::Countersign(arguments)) => (countersign(arguments), false),
        Some(KitVerb::Apply(arguments)) => (apply(arguments), arguments.json),
        Some(KitVerb::Cve(arguments)) => match cve(arguments) {
            Ok(open) if open > 0 => return ExitCode::from(OPEN),
            done => (done.map(|_| ()), arguments.json),
        },
        None => (make(&arguments.make), arguments.make.json),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => super::failed(&error, as_json),
    }
}

/// Shows what is known, and says how much of it is open.
fn cve(arguments: &CveArguments) -> Result<usize> {
    let known = &arguments.known;
    let request = kit::cve::Request { kit: arguments.kit.clone(), osv: known.osv.clone(), vex: known.vex.clone() };
    let report = kit::cve::look_up(&request)?;
    let shown = match arguments.json {
        true => serde_json::to_string_pretty(&report).expect("plain JSON") + "\n",
        false => report.text(),
    };
    super::print(&shown)?;
    Ok(report.open)
}

fn serve(arguments: &ServeArguments) -> Result<()> {
    let server = kit::serve::Server::open(&arguments.kit, arguments.listen)?;
    let address = server.address()?;
    super::screen::say(&format!("serving {} at http://{address}/", arguments.kit.display()));
    super::screen::say(&format!("apt: URIs: http://{address}/linux/apt   dnf, zypper: baseurl=http://{address}/linux/rpm"));
    server.run(&Screen::log(arguments.quiet))
}

fn signing(arguments: &SigningArguments) -> Result<Signing> {
    Signing::open(&super::sign::options(arguments, None), &Screen::still(false))
}

/// Accepts a kit; gives why it must not be used, after all has been told of it.
fn accept(arguments: &AcceptArguments) -> Result<Option<Error>> {
    let signing = signing(&arguments.signing)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |age| age.as_secs() as i64);
    let account = || std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_else(|_| "unknown".to_owned());
    let request = Request {
        kit: arguments.kit.clone(),
        fingerprints: arguments.fingerprints.clone(),
        against: arguments.against.clone(),
        require: usize::from(arguments.require),
        who: arguments.by.clone().unwrap_or_else(account),
        time: super::epoch::epoch(std::env::var_os("SOURCE_DATE_EPOCH"))?.unwrap_or(now),
    };
    arguments.output.as_deref().map_or(Ok(()), |path| apart(path, &arguments.kit))?;
    let report = kit::accept::accept(&request)?;
    let elsewhere = |error: Error| error.help("choose another place for the report with -o, where there is room");
    if let Some(path) = &arguments.output {
        let page = kit::page::acceptance(&report)?;
        // The signature first: a report without the one that was asked for would be half made.
        if let Some(signature) = signing.sign_sums(page.as_bytes())? {
            let mut name = path.clone().into_os_string();
            name.push(".sig");
            new_file::write(Path::new(&name), &signature).map_err(elsewhere)?;
        }
        new_file::write(path, page.as_bytes()).map_err(elsewhere)?;
    }
    if arguments.json {
        super::print(&(serde_json::to_string_pretty(&report).expect("plain JSON") + "\n"))?;
    }
    let screen = Screen::still(arguments.quiet);
    for one in &report.signatures {
        let by = one.by.as_deref().unwrap_or("none of the kit's keys");
        let trusted = one.trusted.as_deref().unwrap_or("not trusted");
        screen.result(&format!("{}: by {by}: {trusted}", one.file));
    }
    let wrong = report.faults.iter().map(|fault| Error::new(format!("{}: {fault}", arguments.kit.display())));
    match Error::all(wrong) {
        Some(error) => Ok(Some(error.help("this kit must not be used: copy it again, or ask its maker for another one"))),
        None => {
            screen.result(&format!("accepted {}: {} files compared", arguments.kit.display(), report.files));
            Ok(None)
        }
    }
}

/// Refuses a report within the kit: it would be a file that the kit does not know.
fn apart(report: &Path, kit: &Path) -> Result<()> {
    let within = new_file::folder(report).canonicalize().ok().zip(kit.canonicalize().ok());
    match within.is_some_and(|(folder, kit)| folder.starts_with(kit)) {
        true => Err(Error::new(format!("{} would lie within the kit", report.display()))
            .help("choose a place beside it: the kit's list does not name it")),
        false => Ok(()),
    }
}

fn apply(arguments: &ApplyArguments) -> Result<()> {
    let screen = Screen::new(arguments.quiet);
    let applied = kit::delta::apply(&arguments.old, &arguments.delta, &arguments.output, &screen)?;
    if arguments.json {
        return super::print(&(serde_json::to_string_pretty(&applied).expect("plain JSON") + "\n"));
    }
    screen.result(&format!("wrote {}: {} files, signed by {}", arguments.output.display(), applied.files, applied.fingerprint));
    Ok(())
}

fn countersign(arguments: &CountersignArguments) -> Result<()> {
    let signing = signing(&arguments.signing)?;
    let signer = signing.signer().ok_or_else(|| Error::new("there is no key to sign with").help("give --key FILE"))?;
    let file = kit::accept::countersign(&arguments.kit, signer)?;
    Screen::still(false).result(&format!(
        "wrote {}, signed by {}",
        arguments.kit.join(file).display(),
        signer.public().fingerprint()
    ));
    Ok(())
}

/// Makes a kit and says what is in it.
fn make(arguments: &MakeArguments) -> Result<()> {
    let screen = Screen::new(arguments.quiet);
    let epoch = super::epoch::epoch(std::env::var_os("SOURCE_DATE_EPOCH"))?;
    let signing = Signing::open(&super::sign::options(&arguments.signing, epoch), &screen)?;
    let trusted = trusted(arguments, &signing)?;
    let mut public = trust::keys::Keys::default();
    public.public.extend(signing.signer().map(|signer| signer.public().clone()));
    public.certificates.extend(signing.chain().iter().cloned());
    if let Some(trusted) = &trusted {
        public.openpgp = trust::openpgp::KeyRing::read(trusted.armored.as_bytes())?;
    }
    let delta = delta(arguments)?;
    let output = arguments.into.as_ref().or(arguments.output.as_ref()).cloned().unwrap_or_default();
    let options = Options {
        sources: arguments.sources.clone(),
        output,
        into: arguments.into.is_some(),
        since: arguments.since.clone(),
        name: arguments.name.clone(),
        epoch,
        next_key: arguments.next_key.as_deref().map(fingerprint).transpose()?,
        zip: arguments.zip.clone(),
        iso: arguments.iso.clone(),
        volume_size: arguments.volume_size,
        delta,
        tool: arguments.tool.clone(),
        par2: arguments.par2,
        osv: arguments.known.osv.clone(),
        vex: arguments.known.vex.clone(),
        channels: arguments.channels.clone(),
        hard_links: arguments.hard_links,
    };
    let keys = Keys { signer: signing.signer(), openpgp: signing.openpgp(), trusted };
    let report = kit::write(&options, &keys, &ByOwn::new(public), &screen)?;
    if arguments.json {
        return super::print(&(serde_json::to_string_pretty(&report).expect("plain JSON") + "\n"));
    }
    let description = &report.description;
    screen.result(&format!("wrote {}: {} files of packages and bills", report.output.display(), description.files.len()));
    if let Some(delta) = &report.delta {
        let whole: u64 = description.files.iter().map(|file| file.size).sum();
        let share = delta.size as f64 * 100.0 / whole.max(1) as f64;
        screen.result(&format!("wrote {}: {} bytes, {share:.2}% of the packages and bills", delta.output.display(), delta.size));
    }
    for image in &report.images {
        screen.result(&format!("wrote {}", image.display()));
    }
    screen.result(&format!("fingerprint, to be sent another way than the kit: {}", description.keys.sums));
    Ok(())
}

/// Where the delta goes, if there is one.
fn delta(arguments: &MakeArguments) -> Result<Option<PathBuf>> {
    let before = arguments.since.is_some() || arguments.into.is_some();
    // By its last part: a slash may stand behind it.
    let beside = || {
        let output = arguments.output.clone().unwrap_or_default();
        let mut name = output.file_name().unwrap_or(OsStr::new("kit")).to_owned();
        name.push(".delta");
        output.with_file_name(name)
    };
    match (&arguments.delta, before) {
        (Some(_), false) => {
            Err(Error::new("there is no kit to make a delta from").help("name the one that the site has: --since OLDKIT"))
        }
        (Some(path), true) => Ok(Some(path.clone())),
        (None, _) if arguments.since.is_some() => Ok(Some(beside())),
        (None, _) => {
            match arguments.tool {
                Some(_) => Err(Error::new("there is no delta to carry a linkpack")
                    .help("give --since OLDKIT, or --into KIT with --delta DELTA")),
                None => Ok(None),
            }
        }
    }
}

fn trusted(arguments: &MakeArguments, signing: &Signing) -> Result<Option<TrustedKey>> {
    match (&arguments.openpgp_public, signing.openpgp()) {
        (Some(path), _) => {
            let key = TrustedKey::read(&public_file(path)?);
            key.map(Some).map_err(|error| error.note(format!("in {}", path.display())))
        }
        (None, Some(openpgp)) => match openpgp.trusted()? {
            Some(trusted) => Ok(Some(trusted)),
            None => Err(Error::new("it is not known which key --openpgp-command signs with")
                .help("give its public half with --openpgp-public FILE: gpg --export KEY >FILE")),
        },
        (None, None) => Ok(None),
    }
}

/// The fingerprint of a public key in PEM.
fn fingerprint(path: &Path) -> Result<String> {
    let keys = trust::keys::Keys::read(&[path.to_path_buf()])?;
    let key = keys.public.first().ok_or_else(|| {
        Error::new(format!("{} has no public key of RSA or ECDSA", path.display()))
            .help("give it in PEM: openssl pkey -in KEY -pubout")
    })?;
    Ok(key.fingerprint())
}

/// The digits of a fingerprint, however they are grouped.
fn digits(text: &str) -> std::result::Result<String, String> {
    let digits: String = text.chars().filter(|c| !" :".contains(*c)).collect::<String>().to_ascii_lowercase();
    let digits = digits.strip_prefix("sha256").unwrap_or(&digits);
    match digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(format!("sha256:{digits}")),
        false => Err("a fingerprint has 64 hexadecimal digits".to_owned()),
    }
}

/// The size of a kit's volume.
fn size(text: &str) -> std::result::Result<u64, String> {
    // Smaller ones hold no kit at all.
    match super::bytes::bytes(text)? {
        bytes @ 8_000_000.. => Ok(bytes),
        _ => Err(format!("{text} is less than 8M, which hold no kit")),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("4.7G"), Ok(4_700_000_000));
        assert_eq!(size("25GiB"), Ok(25 << 30));
        assert_eq!(size("700MB"), Ok(700_000_000));
        for wrong in ["", "G", "4.7X", "1", "-1G", "NaN"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
