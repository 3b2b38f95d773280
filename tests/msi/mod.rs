//! A product as an MSI, for the tests of the format and of msiexec.
#![allow(dead_code)] // Each test program uses its own part.

pub mod exit;

use linkpack::compress::{CacheChoice, Store};
use linkpack::format::msi::{self, ContainerSpec, LibrarySpec, MsiSpec, Placed, Platform, ServiceSpec};
use linkpack::format::{unread, PreparedFile};
use linkpack::listener::Silent;
use linkpack::payload::{Content, Entry, Kind, Tree, TreePath};
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

pub const MTIME: i64 = 1_700_000_000;
pub const SETUP_KEY: &str = r"SOFTWARE\VMI\setup";
const UPGRADE_CODE: Uuid = Uuid::from_u128(0x6F1C_7A52_94D3_4E0B_8A55_3C2E_9D10_77B1);

/// What differs between the packages of the tests.
pub struct Product {
    pub version: &'static str,
    pub default_root: &'static str,
    pub executable: Vec<u8>,
    pub more: Vec<(String, Content)>,
    pub library: Option<Vec<u8>>,
    pub packing: msi::Packing,
}

impl Default for Product {
    fn default() -> Self {
        Product {
            version: "1.0.0",
            default_root: r"C:\Program Files\Intigua",
            executable: service(&[]),
            more: Vec::new(),
            library: None,
            packing: msi::Packing::Mszip,
        }
    }
}

fn store() -> Arc<Store> {
    Store::open(CacheChoice::Temporary(std::env::temp_dir()), 2).unwrap()
}

pub fn path(text: &str) -> TreePath {
    TreePath::new(text.as_bytes()).unwrap()
}

/// Compressible but not trivial.
pub fn large() -> Vec<u8> {
    (0..3_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 26) as u8).collect()
}

impl Product {
    pub fn tree(&self) -> Tree {
        let mut contents = vec![
            ("vAgentManager/vlinkservice.exe".to_owned(), Content::memory(self.executable.clone())),
            ("vAgentManager/a long name, with commas.txt".to_owned(), Content::memory(b"text\r\n".as_slice())),
            ("vAgentManager/agent.conf".to_owned(), Content::memory(b"level=1\n".as_slice())),
            ("vAgentManager/empty".to_owned(), Content::memory(b"".as_slice())),
            ("Intigua-Libs/pulse/pulse.bin".to_owned(), Content::memory(large())),
            ("Intigua-Libs/tracer/Größe.txt".to_owned(), Content::memory(b"tracer\n".as_slice())),
            ("Intigua-Libs/tracer/deep/deeper/file.txt".to_owned(), Content::memory(self.version.as_bytes())),
        ];
        contents.extend(self.more.clone());
        let mut entries: Vec<Entry> = contents
            .into_iter()
            .map(|(name, content)| Entry {
                config: false,
                path: path(&name),
                kind: Kind::File(content),
                mode: 0o644,
                mtime: MTIME,
            })
            .collect();
        let folder = Entry { path: path("vAgentManager/spool"), kind: Kind::Directory, mode: 0o755, config: false, mtime: MTIME };
        entries.push(folder);
        Tree::new(entries).unwrap()
    }

    pub fn build(&self) -> linkpack::Result<Vec<u8>> {
        let mut out = Cursor::new(Vec::new());
        let files = unread(self.tree());
        let sidecars = write(self, &files, &std::env::temp_dir(), &mut out)?;
        assert!(sidecars.is_empty());
        Ok(out.into_inner())
    }

    /// Saves the MSI with all of its cabinets beside it, and gives their paths.
    pub fn save_split(&self, folder: &Path, name: &str) -> Vec<PathBuf> {
        let mut out = Cursor::new(Vec::new());
        let sidecars = write_within(0, self, &unread(self.tree()), folder, &mut out).unwrap();
        fs::write(folder.join(name), out.into_inner()).unwrap();
        let keep = |sidecar: msi::Sidecar| {
            let path = folder.join(sidecar.name);
            sidecar.file.persist(&path).unwrap();
            path
        };
        sidecars.into_iter().map(keep).collect()
    }

    pub fn save(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, self.build().unwrap()).unwrap();
        path
    }
}

pub fn write<W: std::io::Read + std::io::Write + std::io::Seek>(
    product: &Product,
    files: &[PreparedFile],
    spool: &Path,
    out: &mut W,
) -> linkpack::Result<Vec<msi::Sidecar>> {
    write_within(msi::SIZE_LIMIT, product, files, spool, out)
}

/// Writes the MSI, its cabinets beside it where it would be larger than `limit` bytes.
fn write_within<W: std::io::Read + std::io::Write + std::io::Seek>(
    limit: u64,
    product: &Product,
    files: &[PreparedFile],
    spool: &Path,
    out: &mut W,
) -> linkpack::Result<Vec<msi::Sidecar>> {
    let store = store();
    let files: Vec<Placed> = files.iter().map(Placed::here).collect();
    let executable = path("vAgentManager/vlinkservice.exe");
    let (pulse, tracer) = ([path("Intigua-Libs/pulse")], [path("Intigua-Libs/tracer")]);
    let container = |name, folders, required| ContainerSpec { name, title: name, description: "", required, folders };
    let action = |name, function, stage, condition| msi::ActionSpec { name, function, stage, condition, may_fail: false };
    let actions = [
        action("Check", "check", msi::Stage::BeforeChanges, "NOT REMOVE"),
        action("CheckAgain", "check_again", msi::Stage::FirstDeferred, "NOT REMOVE"),
        action("Undo", "undo", msi::Stage::Rollback, "NOT REMOVE"),
        action("Done", "done", msi::Stage::Commit, ""),
    ];
    let library = product.library.as_ref();
    let facts = [("VERSION", product.version)];
    let spec = MsiSpec {
        code_page: Default::default(),
        name: "sample",
        title: "Intigua sample",
        version: product.version,
        manufacturer: "Example & Söhne",
        description: "A sample product.",
        contact: Some("support@example.com"),
        homepage: Some("https://example.com"),
        icon: Some(b"a picture"),
        upgrade_code: UPGRADE_CODE,
        platform: Platform::X64,
        default_root: product.default_root,
        service: ServiceSpec {
            name: "vAgentManager",
            title: "Intigua connector",
            description: "Runs managed agents.",
            executable: &executable,
            arguments: &["run".into(), "--root".into(), "{root}".into()],
        },
        containers: &[container("pulse", &pulse, true), container("tracer", &tracer, false)],
        files: &files,
        private_folders: &[path("components")],
        settings: &[("SERVER_URL", "https://core.example:443"), ("CORE_ID", ""), ("CONTAINERS", "*")],
        forced: &[],
        setup_key: SETUP_KEY,
        root_value: "IntiguaRootDir",
        recorded: &[],
        event_messages: None,
        at_logon: None,
        library: library.map(|bytes| LibrarySpec { bytes, actions: &actions, facts: &facts }),
        packing: product.packing,
        own: &["vAgentManager/agent.conf"],
        store: &store,
        listener: &Silent,
        spool: &|| Ok(tempfile::NamedTempFile::new_in(spool).unwrap()),
        mtime: MTIME,
    };
    msi::write_within(limit, &spec, out).map(|written| written.sidecars)
}

/// Runs a program; `package` is the apt package that brings it.
pub fn output(command: &mut Command, package: &str) -> Output {
    let program = command.get_program().to_string_lossy().into_owned();
    command.output().unwrap_or_else(|error| panic!("{program}: {error} (apt-get install {package})"))
}

/// Runs a program that has to succeed and gives its standard output.
pub fn run(program: &str, arguments: &[&str], package: &str) -> String {
    let output = output(Command::new(program).args(arguments), package);
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {}{}", shown(&output.stdout), shown(&output.stderr));
    shown(&output.stdout)
}

/// The test service's program, built by mingw once for each set of flags.
pub fn service(flags: &[&str]) -> Vec<u8> {
    static PLAIN: OnceLock<Vec<u8>> = OnceLock::new();
    if flags.is_empty() {
        return PLAIN.get_or_init(|| compile("service.c", &[])).clone();
    }
    compile("service.c", flags)
}

/// Builds a program or a DLL from a source beside this file, with a version resource.
pub fn compile(source: &str, flags: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/msi");
    let (resource, program) = (folder.path().join("version.o"), folder.path().join("service.exe"));
    let file = |path: &Path| path.to_str().unwrap().to_owned();
    let rc = file(&sources.join("service.rc"));
    run("x86_64-w64-mingw32-windres", &[&rc, &file(&resource)], "binutils-mingw-w64-x86-64");
    let (source, resource, made) = (file(&sources.join(source)), file(&resource), file(&program));
    let arguments = [&["-O1", "-s", "-o", &made, &source, &resource], flags, &["-ladvapi32"]].concat();
    run("x86_64-w64-mingw32-gcc", &arguments, "gcc-mingw-w64-x86-64");
    fs::read(program).unwrap()
}
