//! What is read of programs, against readelf, and with damaged bytes.
mod common;
use common::*;
use linkpack::payload::elf::Elf;
use linkpack::payload::program::{self, Binary, Passing};
use linkpack::payload::Content;
use std::fs;
use std::path::{Path, PathBuf};

/// This machine's programs and libraries, one of each name.
fn programs() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["/bin", "/usr/lib/x86_64-linux-gnu", "/usr/sbin"] {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(folder).expect("list a folder").flatten().map(|entry| entry.path()).collect();
        entries.sort();
        let elf = |path: &PathBuf| {
            let meta = fs::symlink_metadata(path).expect("look at a file");
            meta.is_file() && meta.len() < 8 << 20 && fs::read(path).expect("read").starts_with(b"\x7fELF")
        };
        found.extend(entries.into_iter().filter(elf).take(60));
    }
    found
}

fn elf(path: &Path) -> Elf {
    let content = Content::file(path, &fs::metadata(path).expect("look at a file"));
    match program::of_content(&content).expect("read a program") {
        Some(Binary::Elf(elf)) => elf,
        other => panic!("{}: {other:?}", path.display()),
    }
}

/// The texts in brackets on the lines that hold `mark`.
fn bracketed(text: &str, mark: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.contains(mark));
    lines.filter_map(|line| Some(line.rsplit_once('[')?.1.rsplit_once(']')?.0.to_owned())).collect()
}

#[test]
fn programs_are_read_as_readelf_reads_them() {
    need("readelf", "binutils");
    let programs = programs();
    assert!(programs.len() > 100, "{} programs", programs.len());
    for path in &programs {
        let elf = elf(path);
        let said = cmd("readelf").args(["-dnVW", "-lh"]).arg(path).run().stdout;
        assert_eq!(elf.needed, bracketed(&said, "(NEEDED)"), "{}", path.display());
        assert_eq!(elf.soname.as_slice(), bracketed(&said, "(SONAME)"), "{}", path.display());
        assert_eq!(elf.interpreter.is_some(), said.contains("[Requesting program interpreter"), "{}", path.display());
        let id = said.lines().find_map(|line| Some(line.split_once("Build ID: ")?.1.trim().to_owned()));
        assert_eq!(elf.build_id, id, "{}", path.display());
        let needs = said.split("Version needs section").nth(1).unwrap_or_default();
        let versions = needs.lines().filter_map(|line| line.split_once("Name: GLIBC_")?.1.split_whitespace().next());
        let highest = versions.filter_map(linkpack::payload::elf::Glibc::parse).max();
        assert_eq!(elf.glibc, highest, "{}", path.display());
    }
    println!("{} programs compared with readelf", programs.len());
}

#[test]
fn a_program_that_passes_by_in_pieces_is_the_same() {
    for path in programs().iter().step_by(7) {
        let bytes = fs::read(path).expect("read a program");
        for piece in [1 << 20, 10_000, 333] {
            let mut passing = Passing::default();
            bytes.chunks(piece).for_each(|piece| passing.push(piece));
            assert_eq!(passing.finish(), Some(Binary::Elf(elf(path))), "{} in pieces of {piece}", path.display());
        }
    }
}

#[test]
fn damaged_programs_are_read_without_harm() {
    let mut state = 7_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let whole = fs::read("/bin/true").expect("read a program");
    let (mut cases, mut seen) = (0, 0);
    for _ in 0..20_000 {
        let mut bytes = whole.clone();
        for _ in 0..1 + random() % 4 {
            // Headers and the tables behind them are what is read.
            let at = random() % if random() % 2 == 0 { 1024 } else { bytes.len() };
            bytes[at] = [0, 0xFF, 0x7F, 0x80, random() as u8][random() % 5];
        }
        if random() % 4 == 0 {
            bytes.truncate(random() % bytes.len());
        }
        let binary = program::of_content(&Content::memory(bytes)).expect("bytes in memory are there");
        cases += 1;
        seen += usize::from(binary.is_some());
    }
    assert!(seen > cases / 2, "{seen} of {cases} were still programs");
    println!("{cases} damaged programs read");
}
