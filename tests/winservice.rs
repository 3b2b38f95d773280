//! The reference connector on Windows, as Wine plays it: a service, its containers, its identity.

mod msi;
#[allow(dead_code)] // It uses its own part of it.
#[path = "msi/wine.rs"]
mod wine;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use wine::Wine;

const LINKPACK: &str = env!("CARGO_BIN_EXE_linkpack");
const ROOT: &str = r"C:\Program Files\Intigua";
const PROGRAM: &str = r"C:\Program Files\Intigua\vAgentManager\vlinkservice.exe";
const SERVICE: &str = r"System\CurrentControlSet\Services\vAgentManager";
const CRYPTOGRAPHY: &str = r"SOFTWARE\Microsoft\Cryptography";
const STOPPED: &str = "1";
const RUNNING: &str = "4";
const STOP: &str = "1";
const PARAMCHANGE: &str = "6";

/// A Windows on which the sample product lies as its MSI would put it.
struct Endpoint {
    wine: Wine,
}

impl Endpoint {
    fn new() -> Endpoint {
        let wine = Wine::new();
        let sample = wine.drive().join("sample");
        let made = Command::new(LINKPACK).args(["init", "--sample"]).arg(&sample).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let root = wine.drive().join("Program Files/Intigua");
        fs::create_dir_all(root.join("Intigua-Libs")).unwrap();
        fs::create_dir(root.join("components")).unwrap();
        fs::write(root.join("components/csclient.cfg"), "# ours\r\nserverUrl: \"https://core.example\"\r\n").unwrap();
        fs::rename(sample.join("windows/connector"), root.join("vAgentManager")).unwrap();
        fs::write(wine.drive().join("control.exe"), msi::compile("control.c", &["-municode"])).unwrap();
        let endpoint = Endpoint { wine };
        endpoint.container("pulse", r#""command": ["bin/pulse.exe"], "watchdog": { "first-ms": 100 }"#);
        endpoint.container(
            "tracer",
            r#""command": ["bin/tracer.exe"], "inject": "dll", "library": "lib/tracer.dll",
               "environment": { "LINK_VIRTUAL_HOSTNAME": "tracer.virtual" }"#,
        );
        endpoint
    }

    /// Moves a container of the sample to its place, with a descriptor.
    fn container(&self, name: &str, keys: &str) {
        let folder = self.path(&format!("Program Files/Intigua/Intigua-Libs/{name}"));
        fs::rename(self.path(&format!("sample/windows/{name}")), &folder).unwrap();
        self.describe(name, keys);
    }

    fn describe(&self, name: &str, keys: &str) {
        let text = format!(r#"{{ "name": "{name}", "version": "1.0", {keys} }}"#);
        fs::write(self.path(&format!("Program Files/Intigua/Intigua-Libs/{name}/container.json")), text).unwrap();
    }

    /// A file of drive C.
    fn path(&self, relative: &str) -> PathBuf {
        self.wine.drive().join(relative)
    }

    fn text(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap_or_default().replace('\r', "")
    }

    fn log(&self, name: &str) -> String {
        self.text(&format!("ProgramData/Intigua/logs/{name}.log"))
    }

    fn control(&self, arguments: &[&str]) -> String {
        self.wine.run(&[&[r"C:\control.exe"], arguments].concat()).1.trim().to_owned()
    }

    /// Registers the service, with its program's path as it stands in `quote`s, and starts it.
    fn create(&self, quote: &str) {
        let line = format!(r#"{quote}{PROGRAM}{quote} run --root "{ROOT}\.""#);
        assert_eq!(self.control(&["create", &line]), STOPPED);
    }

    fn start(&self) {
        self.control(&["start"]);
        self.until("it runs", || self.control(&["state"]) == RUNNING);
    }

    fn stop(&self) {
        self.control(&["control", STOP]);
        self.until("it has stopped", || self.control(&["state"]) == STOPPED);
    }

    fn until(&self, what: &str, holds: impl FnMut() -> bool) {
        wine::until(120, holds, || format!("{what}\n{}\n{}", self.text("ProgramData/Intigua/run/status"), self.log("vlink")));
    }

    /// The fields of a container's line, or of the connector's, in the status file.
    fn status(&self, name: &str) -> Vec<String> {
        let text = self.text("ProgramData/Intigua/run/status");
        let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
        lines.find(|fields| fields[0] == name || fields[1] == name).unwrap_or_default()
    }

    fn runs(&self, name: &str) -> bool {
        self.status(name).get(2).is_some_and(|state| state == "running")
    }

    /// A setting as it stands in csclient.cfg.
    fn setting(&self, key: &str) -> String {
        let text = self.text("Program Files/Intigua/components/csclient.cfg");
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{key}: \""))).unwrap_or_default().to_owned();
        line.trim_end_matches('"').to_owned()
    }

    /// The system's processes of this Windows whose command line names the file.
    fn processes(&self, file: &str) -> Vec<u32> {
        let prefix = self.wine.drive().parent().unwrap().to_owned();
        let own = format!("WINEPREFIX={}", prefix.display()).into_bytes();
        let numbers = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        let belongs = |pid: &u32| {
            let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let ours = read("environ").split(|byte| *byte == 0).any(|variable| variable == own);
            ours && String::from_utf8_lossy(&read("cmdline")).contains(file)
        };
        numbers.filter(belongs).collect()
    }
}

#[test]
fn the_service_runs_containers_and_watches_them() {
    let endpoint = Endpoint::new();
    endpoint.create("\"");
    endpoint.start();
    endpoint.until("both containers run", || endpoint.runs("pulse") && endpoint.runs("tracer"));
    let connector = endpoint.status("connector");
    assert_eq!(connector[1], "running");
    assert_eq!(endpoint.setting("vlinkCoreId").len(), 36);
    assert_eq!(connector[4], "-", "the identity is for csclient.cfg alone");

    endpoint.until("pulse beats", || endpoint.path("Program Files/Intigua/components/pulse/heartbeat").exists());
    let first = endpoint.status("pulse")[3].clone();
    // From outside: Wine's own taskkill once ended with 1 on a busy machine, and said nothing.
    let pulse = endpoint.processes("pulse.exe").iter().map(u32::to_string).collect::<Vec<_>>();
    assert!(Command::new("kill").arg("-KILL").args(&pulse).status().unwrap().success(), "{pulse:?}\n{}", endpoint.log("vlink"));
    let again = || endpoint.status("pulse")[3] != first && endpoint.status("pulse")[4] == "1";
    endpoint.until("pulse was started again, and that was counted", || endpoint.runs("pulse") && again());
    assert!(endpoint.log("vlink").contains("pulse: exit code"), "{}", endpoint.log("vlink"));

    let config = endpoint.path("Program Files/Intigua/components/csclient.cfg");
    let text = fs::read_to_string(&config).unwrap() + "containers: \"pulse\"\r\n";
    fs::write(&config, text).unwrap();
    endpoint.control(&["control", PARAMCHANGE]);
    endpoint.until("tracer was left out", || endpoint.status("tracer").get(2).is_some_and(|state| state == "disabled"));
    assert!(endpoint.runs("pulse"));
    assert_eq!(endpoint.status("pulse")[4], "1", "what did not change is left alone");

    // A group policy counts over csclient.cfg for as long as it is there, without anybody telling the connector.
    endpoint.wine.policy("SERVER_URL", Some("hunter2"));
    endpoint.wine.policy("CONTAINERS", Some("tracer"));
    let disabled = |name: &str| endpoint.status(name).get(2).is_some_and(|state| state == "disabled");
    endpoint.until("the policy's container runs", || endpoint.runs("tracer") && disabled("pulse"));
    assert_eq!(endpoint.setting("containers"), "pulse");
    let log = endpoint.log("vlink");
    assert!(log.contains("settings of the group policy: CONTAINERS\n"), "{log}");
    assert!(log.contains("SERVER_URL of the group policy is no URL") && !log.contains("hunter2"), "{log}");
    let (code, said) = endpoint.wine.run(&[PROGRAM, "check", "--root", ROOT]);
    assert!(
        code == 1 && said.contains("group policy: CONTAINERS") && said.contains("problem: SERVER_URL of the group policy"),
        "{said}"
    );
    endpoint.wine.policy("CONTAINERS", None);
    endpoint.until("csclient.cfg counts again", || endpoint.runs("pulse") && disabled("tracer"));
}

#[test]
fn a_library_is_in_the_process_before_its_program_runs() {
    let endpoint = Endpoint::new();
    endpoint.create("\"");
    endpoint.start();
    let seen = "Program Files/Intigua/components/tracer/seen";
    endpoint.until("tracer has looked", || !endpoint.text(seen).is_empty());
    let pid = endpoint.status("tracer")[3].clone();
    assert_eq!(endpoint.text(seen), format!("pid={pid}\nhostname=tracer.virtual\n"));
    assert_eq!(endpoint.text("Program Files/Intigua/components/tracer/injected.log"), format!("{pid} tracer.exe\n"));
    assert!(endpoint.log("tracer").contains(&format!("tracer: started, pid {pid}")));
    endpoint.stop();

    // What cannot be injected is not run without.
    let library = endpoint.path("Program Files/Intigua/Intigua-Libs/tracer/lib/tracer.dll");
    let mut bytes = fs::read(&library).unwrap();
    let header = u32::from_le_bytes(bytes[0x3c..0x40].try_into().unwrap()) as usize;
    bytes[header + 4..header + 6].copy_from_slice(&0x014c_u16.to_le_bytes());
    fs::write(&library, bytes).unwrap();
    endpoint.start();
    endpoint.until("tracer is refused", || endpoint.status("tracer").get(6).is_some_and(|detail| detail.contains("32-bit")));
    assert!(endpoint.processes("tracer.exe").is_empty());
}

#[test]
fn a_stop_asks_first_and_leaves_nothing_behind() {
    let endpoint = Endpoint::new();
    endpoint.create("\"");
    endpoint.start();
    endpoint.until("pulse beats", || endpoint.path("Program Files/Intigua/components/pulse/heartbeat").exists());
    assert!(!endpoint.processes("pulse.exe").is_empty());
    endpoint.stop();
    assert_eq!(endpoint.processes("pulse.exe"), Vec::<u32>::new());
    assert_eq!(endpoint.processes("tracer.exe"), Vec::<u32>::new());
    assert!(endpoint.log("pulse").ends_with("pulse: stopped\n"), "it was not asked: {}", endpoint.log("vlink"));
    let left: Vec<_> = fs::read_dir(endpoint.path("ProgramData/Intigua/run")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_identity_is_kept_until_the_machine_is_another_one() {
    let endpoint = Endpoint::new();
    endpoint.create("\"");
    endpoint.start();
    endpoint.stop();
    let (first, machine) = (endpoint.setting("vlinkCoreId"), endpoint.setting("vlinkMachineId"));
    let guid = endpoint.wine.registry(CRYPTOGRAPHY, "MachineGuid").unwrap();
    assert!(machine.starts_with(&format!("os={}", guid.replace('-', ""))), "{machine}");
    endpoint.start();
    endpoint.stop();
    assert_eq!(endpoint.setting("vlinkCoreId"), first);

    let key = format!(r"HKLM\{CRYPTOGRAPHY}");
    let clone = "01234567-89ab-cdef-0123-456789abcdef";
    assert_eq!(endpoint.wine.run(&["reg", "add", &key, "/v", "MachineGuid", "/d", clone, "/f"]).0, 0);
    endpoint.start();
    endpoint.stop();
    let second = endpoint.setting("vlinkCoreId");
    assert!(second.len() == 36 && second != first, "{second}");
    assert!(endpoint.setting("vlinkMachineId").starts_with("os=0123456789abcdef0123456789abcdef"));
    assert!(endpoint.log("vlink").contains("this is a clone"));
    let config = endpoint.text("Program Files/Intigua/components/csclient.cfg");
    assert!(config.starts_with("# ours\nserverUrl: \"https://core.example\"\n"), "{config}");
}

#[test]
fn the_first_start_mends_what_the_system_has_on_record() {
    let endpoint = Endpoint::new();
    endpoint.create("");
    endpoint.start();
    let path = format!(r#""{PROGRAM}" run --root "{ROOT}\.""#);
    endpoint.until("it is quoted", || endpoint.wine.registry(SERVICE, "ImagePath").as_deref() == Some(&path));
    endpoint.until("the root has a name", || endpoint.wine.registry(r"VMI\setup", "IntiguaRootDir").as_deref() == Some(ROOT));
}

#[test]
fn a_second_connector_is_refused_and_so_is_somebody_elses_folder() {
    let endpoint = Endpoint::new();
    endpoint.create("\"");
    endpoint.start();
    let pid = endpoint.status("connector")[2].clone();
    let line = format!(r#""{PROGRAM}" run --root "{ROOT}" 2>&1"#);
    fs::write(endpoint.path("second.bat"), format!("@{line}\r\n")).unwrap();
    let (code, said) = endpoint.wine.run(&["cmd", "/c", r"C:\second.bat"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&format!("another connector runs already (pid {pid})")), "{said}");
    assert!(endpoint.runs("pulse"), "the first one goes on");
    endpoint.stop();

    let run = endpoint.path("ProgramData/Intigua/run");
    fs::remove_dir(&run).unwrap();
    fs::write(&run, "").unwrap();
    endpoint.control(&["start"]);
    endpoint.until("it has given up", || endpoint.control(&["state"]) == STOPPED);
    assert!(endpoint.log("vlink").contains("no plain directory"), "{}", endpoint.log("vlink"));
}

#[test]
fn started_by_hand_it_runs_until_ctrl_c() {
    let endpoint = Endpoint::new();
    std::thread::scope(|scope| {
        let by_hand = scope.spawn(|| endpoint.wine.run(&[PROGRAM, "run", "--root", ROOT]).0);
        endpoint.until("both containers run", || endpoint.runs("pulse") && endpoint.runs("tracer"));
        // Wine makes a Ctrl-C of it.
        let connector = endpoint.processes("vlinkservice.exe").iter().map(u32::to_string).collect::<Vec<_>>();
        assert!(Command::new("kill").arg("-INT").args(&connector).status().unwrap().success());
        assert_eq!(by_hand.join().unwrap(), 0);
    });
    assert_eq!(endpoint.processes("pulse.exe"), Vec::<u32>::new());
    assert!(!endpoint.wine.has_key(r"VMI\setup"), "only a service names the root");
}

#[test]
fn the_built_programs_need_system_libraries_only_and_carry_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let sample = folder.path().join("sample");
    assert!(Command::new(LINKPACK).args(["init", "--sample"]).arg(&sample).output().unwrap().status.success());
    let system = ["ADVAPI32.dll", "bcrypt.dll", "KERNEL32.dll", "msvcrt.dll", "USERENV.dll", "WS2_32.dll"];
    for program in ["connector/vlinkservice.exe", "pulse/bin/pulse.exe", "tracer/bin/tracer.exe", "tracer/lib/tracer.dll"] {
        let file = sample.join("windows").join(program);
        let headers = msi::run("x86_64-w64-mingw32-objdump", &["-p", file.to_str().unwrap()], "binutils-mingw-w64-x86-64");
        let libraries: Vec<&str> = headers.lines().filter_map(|line| line.trim().strip_prefix("DLL Name: ")).collect();
        assert!(!libraries.is_empty() && libraries.iter().all(|name| system.contains(name)), "{program}: {libraries:?}");
        let bytes = fs::read(&file).unwrap();
        let header = u32::from_le_bytes(bytes[0x3c..0x40].try_into().unwrap()) as usize;
        assert_eq!(bytes[header + 8..header + 12], [0; 4], "{program}: TimeDateStamp");
        let own = env!("CARGO_MANIFEST_DIR").as_bytes();
        assert!(!bytes.windows(own.len()).any(|window| window == own), "{program} names a path of this machine");
        let version: Vec<u8> = env!("CARGO_PKG_VERSION").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(bytes.windows(version.len()).any(|window| window == version), "{program} has no version resource");
    }
}
