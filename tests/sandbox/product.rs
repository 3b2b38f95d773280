//! A small product and its .run, put together the way docs/endpoint.md describes the file.

use linkpack::compress::Codec;
use linkpack::endpoint::{self, Arch, ContainerFact, Facts, Settings};
use sha2::{Digest, Sha256};
use std::io::Write;

/// A connector that runs until it is told to stop.
pub const GOOD: &str = "#!/bin/sh\ntrap 'exit 0' TERM\necho started \"$@\"\nwhile :; do sleep 0.2; done\n";
/// A connector that ends at once.
pub const BROKEN: &str = "#!/bin/sh\necho 'cannot open the frobnicator' >&2\nexit 1\n";

/// The facts of the tests' product at a version.
pub fn facts(version: &str) -> Facts {
    let mut settings = Settings::default();
    settings.set("SERVER_URL", "https://core.example:443");
    Facts {
        product: "intigua-link".into(),
        package: "intigua-link".into(),
        names: contract::names::Names::default(),
        title: "Intigua Link".into(),
        version: version.into(),
        packaged_root: "/usr/local/intigua".into(),
        arch: Arch::Any,
        installed_kb: 64,
        installed_names: 10,
        containers: vec![
            ContainerFact { name: "pulse".into(), required: true },
            ContainerFact { name: "tracer".into(), required: false },
        ],
        executable: "vlink".into(),
        arguments: vec!["run".into(), "--root".into(), "{root}".into()],
        core_check: Vec::new(),
        settings,
        config: vec![("globalThrottleCfg.maxCpuPercent".into(), "50".into())],
        seal_paths: vec!["Intigua-Libs/*/var".into()],
        others: Vec::new(),
        libraries: String::new(),
        library_folders: String::new(),
        programs: String::new(),
        folders: ["Intigua-Libs", "Intigua-Libs/pulse", "Intigua-Libs/tracer", "bin", "vAgentManager", "vAgentManager/etc"]
            .map(String::from)
            .to_vec(),
    }
}

/// The time of what says no other: in 2023.
const MTIME: u64 = 1_700_000_000;

/// One file of the payload.
pub struct Item {
    pub path: Vec<u8>,
    pub mode: u32,
    pub config: bool,
    /// Seconds since 1970.
    pub mtime: u64,
    pub bytes: Vec<u8>,
}

impl Item {
    pub fn new(path: impl AsRef<[u8]>, mode: u32, bytes: impl AsRef<[u8]>) -> Self {
        Item { path: path.as_ref().to_vec(), mode, config: false, mtime: MTIME, bytes: bytes.as_ref().to_vec() }
    }

    pub fn config(path: &str, bytes: &str) -> Self {
        Item { config: true, ..Item::new(path, 0o644, bytes) }
    }
}

/// The usual payload with this connector.
pub fn items(facts: &Facts, connector: &str) -> Vec<Item> {
    let mut items = vec![
        Item::new("vAgentManager/vlink", 0o755, connector),
        Item::config("vAgentManager/etc/agent.conf", &format!("# default of {}\n", major(&facts.version))),
        Item::new("vAgentManager/version", 0o644, &facts.version),
        Item::new(b"Intigua-Libs/pulse/with space, quote' and\nnewline \\".as_slice(), 0o644, "odd"),
        Item::new("Intigua-Libs/pulse/container.json", 0o644, "{ \"name\": \"pulse\" }"),
        Item::new("Intigua-Libs/tracer/container.json", 0o644, "{ \"name\": \"tracer\" }"),
    ];
    let files = endpoint::bin_files(facts).expect("renders");
    items.extend(files.into_iter().map(|file| Item::new(file.path, file.mode, file.text)));
    items
}

fn major(version: &str) -> &str {
    version.split('.').next().expect("a component")
}

/// A whole .run of the usual payload.
pub fn run(version: &str, connector: &str) -> Vec<u8> {
    let facts = facts(version);
    let items = items(&facts, connector);
    assemble(&facts, &items)
}

/// Stub, payload and sum.
pub fn assemble(facts: &Facts, items: &[Item]) -> Vec<u8> {
    let payload = gzip(&tar_of(items));
    let stub = endpoint::run_stub_fitted(facts, Codec::Gzip).expect("renders");
    let mut file = stub.into_bytes();
    file.extend(payload);
    seal(&mut file);
    file
}

/// Puts the SHA-256 where the stub expects it.
pub fn seal(file: &mut [u8]) {
    let sum = hex::encode(Sha256::digest(&file[endpoint::RUN_SUM_COVERS_FROM as usize..]));
    let at = endpoint::RUN_SUM_AT.start as usize..endpoint::RUN_SUM_AT.end as usize;
    file[at].copy_from_slice(sum.as_bytes());
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

fn tar_of(items: &[Item]) -> Vec<u8> {
    let directories = directories(items);
    let mut list = Vec::new();
    for path in &directories {
        list.extend(row("d", 0o755, 0, "-", false, path));
    }
    for item in items {
        let sum = hex::encode(Sha256::digest(&item.bytes));
        list.extend(row("f", item.mode, item.bytes.len(), &sum, item.config, &item.path));
    }
    let mut tar = tar::Builder::new(Vec::new());
    append(&mut tar, b".files", tar::EntryType::Regular, 0o644, MTIME, &list);
    for path in &directories {
        append(&mut tar, path, tar::EntryType::Directory, 0o755, MTIME, b"");
    }
    for item in items {
        append(&mut tar, &item.path, tar::EntryType::Regular, item.mode, item.mtime, &item.bytes);
    }
    tar.into_inner().expect("in memory")
}

fn directories(items: &[Item]) -> Vec<Vec<u8>> {
    let mut found = std::collections::BTreeSet::new();
    for item in items {
        for (at, _) in item.path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            found.insert(item.path[..at].to_vec());
        }
    }
    found.into_iter().collect()
}

fn row(kind: &str, mode: u32, size: usize, sum: &str, config: bool, path: &[u8]) -> Vec<u8> {
    let config = if config { "config" } else { "-" };
    let mut row = format!("{kind}\t{mode:o}\t{size}\t{sum}\t{config}\t").into_bytes();
    for byte in path {
        if *byte == b'\\' || byte.is_ascii_control() {
            row.extend(format!("\\0{byte:03o}").bytes());
        } else {
            row.push(*byte);
        }
    }
    row.push(b'\n');
    row
}

fn append(tar: &mut tar::Builder<Vec<u8>>, path: &[u8], kind: tar::EntryType, mode: u32, mtime: u64, bytes: &[u8]) {
    use std::os::unix::ffi::OsStrExt;
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(bytes.len() as u64);
    header.set_mtime(mtime);
    tar.append_data(&mut header, std::ffi::OsStr::from_bytes(path), bytes).expect("in memory");
}
