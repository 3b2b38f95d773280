//! An MSI with the real native actions around a service of a few lines.

use crate::msi;
use linkpack::compress::{CacheChoice, Store};
use linkpack::endpoint::windows;
use linkpack::format::msi::{ActionSpec, LibrarySpec, MsiSpec, Placed, Platform, ServiceSpec, Stage};
use linkpack::format::unread;
use linkpack::listener::Silent;
use linkpack::payload::{Content, Entry, Kind, Tree};
use std::fs;
use std::io::Cursor;
use std::path::Path;
use uuid::Uuid;

pub const SETUP_KEY: &str = r"SOFTWARE\VMI\setup";
const FAMILY: Uuid = Uuid::from_u128(0x2B0D_6E91_77A4_4C1D_9E3F_5A60_1C42_8DE7);
const INSTALLS: &str = "NOT REMOVE";

/// What differs between the packages of the tests.
pub struct Package {
    pub version: &'static str,
    /// Flags of the service's compiler: `-DFAILS`.
    pub flags: &'static [&'static str],
    /// csclient.default.
    pub defaults: &'static str,
    /// bin\seal.paths.
    pub seal: &'static str,
    /// The size that the package claims to have.
    pub payload_kb: &'static str,
}

impl Default for Package {
    fn default() -> Self {
        Package {
            version: "1.0.0",
            flags: &[],
            defaults: "globalThrottleCfg.maxCpuPercent: \"50\"\r\n",
            seal: "vAgentManager/certs\r\n../outside\r\n",
            payload_kb: "10",
        }
    }
}

fn action(name: &'static str, stage: Stage, condition: &'static str) -> ActionSpec<'static> {
    ActionSpec { name, function: name, stage, condition, may_fail: false }
}

/// The contract's list (docs/windows.md).
fn actions() -> [ActionSpec<'static>; 8] {
    [
        action("RefuseDowngrade", Stage::BeforeLaunchConditions, "NOT Installed"),
        action("Preflight", Stage::BeforeChanges, INSTALLS),
        action("PreflightAgain", Stage::FirstDeferred, INSTALLS),
        action("Undo", Stage::Rollback, INSTALLS),
        action("Configure", Stage::BeforeStart, INSTALLS),
        action("Started", Stage::AfterStart, INSTALLS),
        action("Leave", Stage::AfterRemoval, "REMOVE=\"ALL\" AND NOT UPGRADINGPRODUCTCODE"),
        action("Done", Stage::Commit, INSTALLS),
    ]
}

impl Package {
    /// Writes the MSI into a folder.
    pub fn save(&self, folder: &Path, name: &str) {
        let parts = windows::parts().unwrap();
        let contents = [
            ("Intigua-Libs/pulse/container.json", b"{}".to_vec()),
            ("bin/csclient.default", self.defaults.into()),
            ("bin/linkctl.exe", parts.linkctl.to_vec()),
            ("bin/seal.paths", self.seal.into()),
            ("vAgentManager/vlinkservice.exe", msi::service(self.flags)),
        ];
        let entry = |(path, bytes): (&str, Vec<u8>)| Entry {
            path: msi::path(path),
            kind: Kind::File(Content::memory(bytes)),
            mode: 0o644,
            config: false,
            mtime: msi::MTIME,
        };
        let store = Store::open(CacheChoice::Temporary(std::env::temp_dir()), 2).unwrap();
        let tree = Tree::new(contents.into_iter().map(entry).collect()).unwrap();
        let files = unread(tree);
        let files: Vec<Placed> = files.iter().map(Placed::here).collect();
        let settings = [
            ("SERVER_URL", "https://core.example:443"),
            ("FALLBACK_URLS", ""),
            ("CORE_ID", ""),
            ("TOKEN_FILE", ""),
            ("CONTAINERS", "*"),
        ];
        let facts = [
            ("PRODUCT", "sample"),
            ("VERSION", self.version),
            ("PAYLOAD_KB", self.payload_kb),
            ("SERVICE", "vAgentManager"),
            ("HOLDS", "pulse"),
            ("REQUIRES", ""),
        ];
        let executable = msi::path("vAgentManager/vlinkservice.exe");
        let spec = MsiSpec {
            code_page: Default::default(),
            name: "sample",
            title: "Intigua sample",
            version: self.version,
            manufacturer: "Example",
            description: "A sample product.",
            contact: None,
            homepage: None,
            icon: None,
            upgrade_code: FAMILY,
            platform: Platform::X64,
            default_root: r"C:\Program Files\Intigua",
            service: ServiceSpec {
                name: "vAgentManager",
                title: "Intigua connector",
                description: "Runs managed agents.",
                executable: &executable,
                arguments: &["run".into(), "--root".into(), "{root}".into()],
            },
            containers: &[],
            files: &files,
            private_folders: &[msi::path("components")],
            settings: &settings,
            forced: &[],
            setup_key: SETUP_KEY,
            root_value: "IntiguaRootDir",
            recorded: &[],
            event_messages: None,
            at_logon: None,
            library: Some(LibrarySpec { bytes: &parts.dll, actions: &actions(), facts: &facts }),
            packing: linkpack::format::msi::Packing::Mszip,
            own: &[],
            store: &store,
            listener: &Silent,
            spool: &|| Ok(tempfile::NamedTempFile::new().unwrap()),
            mtime: msi::MTIME,
        };
        let mut out = Cursor::new(Vec::new());
        assert!(linkpack::format::msi::write(&spec, &mut out).unwrap().sidecars.is_empty());
        fs::write(folder.join(name), out.into_inner()).unwrap();
    }
}
