//! Which codec a build uses: what was asked for, where every system it is for can read it.

use crate::compress::Codec;
use crate::error::{Error, Result};
use crate::format::{writer, Compression, Packing};
use crate::manifest::{Format, Installer, Product, System};

/// What users ask for: a codec, or the choice of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodecChoice(Option<Codec>);

impl CodecChoice {
    /// The smallest that every system can read in every format that is built.
    pub const AUTO: CodecChoice = CodecChoice(None);

    /// All that can be asked for.
    pub const ALL: [CodecChoice; Codec::ALL.len() + 1] = {
        let mut all = [CodecChoice::AUTO; Codec::ALL.len() + 1];
        let mut at = 0;
        while at < Codec::ALL.len() {
            all[at + 1] = CodecChoice(Some(Codec::ALL[at]));
            at += 1;
        }
        all
    };

    /// The name in arguments and plans.
    pub fn name(self) -> &'static str {
        self.0.map_or("auto", Codec::purpose)
    }

    /// What it is for, in `--help`.
    pub fn help(self) -> &'static str {
        self.0.map_or(
            "The smallest that every system can read in all formats asked for: xz, or gzip where a .run is among them",
            Codec::help,
        )
    }

    /// What asks for a codec, by that codec's name.
    pub fn of(codec: &str) -> Option<Self> {
        Codec::ALL.into_iter().find(|one| one.name() == codec).map(|codec| CodecChoice(Some(codec)))
    }
}

/// How an MSI's cabinets are packed by default.
pub fn cabinet(choice: CodecChoice) -> Packing {
    match choice.0 {
        Some(Codec::Xz) => Packing::Lzx,
        _ => Packing::Mszip,
    }
}

/// A codec and why it is the one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenCodec {
    /// The codec.
    pub codec: Codec,
    /// A clause that people read.
    pub reason: String,
}

/// Chooses for the formats that are built; `None` where none of them leaves the choice.
///
/// # Errors
/// A package manager of a system that the packages are for cannot read what was asked for.
pub fn choose(product: &Product, formats: &[Format], choice: CodecChoice) -> Result<Option<ChosenCodec>> {
    let compressed: Vec<(Format, Compression)> =
        formats.iter().filter_map(|format| Some((*format, writer(*format)?.compression()?))).collect();
    if compressed.is_empty() {
        return Ok(None);
    }
    let needs_tool = compressed.iter().find(|(_, how)| how.needs_tool).map(|(format, _)| *format);
    let tool = |codec: Codec| Some((needs_tool?, codec.tool()?));
    let Some(codec) = choice.0 else {
        return Ok(Some(match tool(Codec::Xz) {
            Some((format, _)) => {
                ChosenCodec { codec: Codec::Gzip, reason: format!("the smallest that a .{format} can count on everywhere") }
            }
            None => ChosenCodec { codec: Codec::Xz, reason: "the smallest, and every dpkg and rpm reads it".to_owned() },
        }));
    };
    require(product, codec, compressed.iter().filter_map(|(_, how)| how.installer))?;
    Ok(Some(ChosenCodec { codec, reason: asked_for(choice.name(), tool(codec)) }))
}

/// A package whose tool is missing refuses by itself, before it changes anything: that may be what the site wants.
fn asked_for(name: &str, tool: Option<(Format, &str)>) -> String {
    match tool {
        Some((format, tool)) => format!("--codec {name} asks for it; the .{format} needs {tool} on the endpoint"),
        None => format!("--codec {name} asks for it"),
    }
}

/// Refuses a codec that a system of the packages cannot read.
fn require(product: &Product, codec: Codec, installers: impl Iterator<Item = Installer>) -> Result<()> {
    let systems = installers.flat_map(|installer| systems_of(product, installer));
    let cannot: Vec<&str> = systems.filter(|system| codec == Codec::Zstd && !system.reads_zstd()).map(System::name).collect();
    if cannot.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!("packages compressed with {} cannot be read on {}", codec.name(), cannot.join(", ")))
        .note("systems in [product] names the systems that the packages are for; if it is absent, or names none for this format, all are assumed")
        .help("list the systems that do read it: systems = [\"debian-12\", \"rhel-9\"]; or build with --codec small or auto"))
}

/// The systems of an installer that the product is for; all known ones when it names none.
fn systems_of(product: &Product, installer: Installer) -> Vec<System> {
    let named = product.manifest().product.systems.iter().flatten().copied();
    let named: Vec<System> = named.filter(|system| system.installer() == installer).collect();
    match named.is_empty() {
        true => System::all().filter(|system| system.installer() == installer).collect(),
        false => named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Format::{Deb, Msi, Rpm, Run};

    /// The commented template with a line in [product].
    fn product(line: &str) -> Product {
        let text =
            include_str!("../../../templates/manifest/sample.toml").replacen("[product]\n", &format!("[product]\n{line}\n"), 1);
        crate::manifest::parse("linkpack.toml", &text, Default::default(), &Default::default()).unwrap()
    }

    fn codec(systems: &str, formats: &[Format], choice: CodecChoice) -> Option<Codec> {
        choose(&product(systems), formats, choice).unwrap().map(|chosen| chosen.codec)
    }

    #[test]
    fn the_default_is_the_smallest_that_everything_asked_for_can_count_on() {
        assert_eq!(codec("", &[Deb, Rpm], CodecChoice::AUTO), Some(Codec::Xz));
        assert_eq!(codec("", &[Deb, Msi], CodecChoice::AUTO), Some(Codec::Xz));
        assert_eq!(codec("", &[Deb, Rpm, Run, Msi], CodecChoice::AUTO), Some(Codec::Gzip));
        assert_eq!(codec("systems = [\"debian-12\"]", &[Run], CodecChoice::AUTO), Some(Codec::Gzip));
        assert_eq!(codec("", &[Msi], CodecChoice::AUTO), None);
    }

    #[test]
    fn zstd_is_taken_where_every_system_of_the_formats_reads_it() {
        for (systems, formats) in [
            ("systems = [\"debian-12\", \"rhel-9\"]", &[Deb, Rpm, Run][..]),
            ("systems = [\"debian-12\", \"rhel-7\"]", &[Deb]),
            ("", &[Run]),
        ] {
            assert_eq!(codec(systems, formats, CodecChoice(Some(Codec::Zstd))), Some(Codec::Zstd), "{systems}");
        }
    }

    #[test]
    fn zstd_is_refused_by_the_names_of_those_that_cannot_read_it() {
        for (systems, formats, named) in [
            ("systems = [\"debian-12\", \"debian-11\", \"rhel-7\"]", &[Deb, Run][..], "on debian-11"),
            ("systems = [\"debian-12\"]", &[Deb, Rpm], "on rhel-7, amazon-2, sles-12, sles-15"),
            ("", &[Deb], "on debian-10, debian-11"),
        ] {
            let error = choose(&product(systems), formats, CodecChoice(Some(Codec::Zstd))).unwrap_err();
            assert!(error.what().ends_with(named), "{}", error.what());
        }
    }
}
