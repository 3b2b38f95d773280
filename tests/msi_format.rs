//! MSIs as their readers see them: msitools, cabextract, the msi crate, osslsigncode.

mod msi;

use linkpack::format::msi::Packing;
use linkpack::payload::{Content, Kind};
use msi::{output, run, Product};
use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::Command;

type Package = ::msi::Package<Cursor<Vec<u8>>>;

fn open(bytes: &[u8]) -> Package {
    Package::open(Cursor::new(bytes.to_vec())).unwrap()
}

/// A table's rows, each value as text; null is empty.
fn rows(package: &mut Package, table: &str) -> Vec<Vec<String>> {
    let rows = package.select_rows(::msi::Select::table(table)).unwrap_or_else(|error| panic!("{table}: {error}"));
    let text = |value: &::msi::Value| match value {
        ::msi::Value::Null | ::msi::Value::Binary => String::new(),
        ::msi::Value::Int(number) => number.to_string(),
        ::msi::Value::Str(text) => text.clone(),
    };
    rows.map(|row| (0..row.len()).map(|index| text(&row[index])).collect()).collect()
}

fn find(rows: &[Vec<String>], key: &str) -> Vec<String> {
    rows.iter().find(|row| row[0] == key).unwrap_or_else(|| panic!("no row {key:?} in {rows:?}")).clone()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn msiextract_gives_back_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    let product = Product::default();
    let msi = product.save(folder.path(), "sample.msi");
    let back = folder.path().join("back");
    run("msiextract", &["--directory", text(&back), text(&msi)], "msitools");
    let root = back.join("Intigua");
    for entry in product.tree().entries() {
        let Kind::File(content) = &entry.kind else { continue };
        let found = fs::read(root.join(entry.path.display())).unwrap_or_else(|error| panic!("{:?}: {error}", entry.path));
        let mut expected = vec![0; content.len() as usize];
        content.open().unwrap().read_block(&mut expected).unwrap();
        assert!(found == expected, "{:?}", entry.path);
    }
}

/// Folders and parts of several kinds: programs with calls, text, noise, long runs, what is empty, and a file of several parts.
fn contents_for_lzx() -> Vec<(String, Content)> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as u32
    };
    let mut noise = |len: usize| (0..len).map(|_| next() as u8).collect::<Vec<u8>>();
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    let large: Vec<u8> = program.iter().copied().cycle().take(30_000_000).collect();
    let calls: Vec<u8> = noise(200_000).into_iter().map(|byte| if byte < 40 { 0xE8 } else { byte & 3 }).collect();
    let mut contents = vec![
        ("one".to_owned(), vec![7]),
        ("noise".to_owned(), noise(99_999)),
        ("noise of whole frames".to_owned(), noise(65_536)),
        ("run".to_owned(), vec![0; 3_000_001]),
        ("calls".to_owned(), calls),
        ("large".to_owned(), large),
        ("program".to_owned(), program[..program.len().min(3_000_000)].to_vec()),
        ("text".to_owned(), b"a line of text, and another line.\r\n".repeat(9_000)),
    ];
    contents
        .extend((0..300).map(|number| (format!("small/{number}"), format!("number {number}\n").repeat(number % 7).into_bytes())));
    contents.into_iter().map(|(name, bytes)| (format!("vAgentManager/lzx/{name}"), Content::memory(bytes))).collect()
}

#[test]
fn every_reader_of_cabinets_unpacks_what_lzx_packed() {
    let folder = tempfile::tempdir().unwrap();
    let product = Product { more: contents_for_lzx(), packing: Packing::Lzx, ..Product::default() };
    let bytes = product.build().unwrap();
    let mut package = open(&bytes);
    let mut cabinet = Vec::new();
    std::io::Read::read_to_end(&mut package.read_stream("files1.cab").unwrap(), &mut cabinet).unwrap();
    assert!(cabinet[26] > 2, "several folders");
    let cab = folder.path().join("files.cab");
    fs::write(&cab, &cabinet).unwrap();
    // Each file by its key, which the cabinet has for a name.
    let names: BTreeMap<String, String> = rows(&mut package, "File")
        .into_iter()
        .map(|row| (row[2].rsplit('|').next().unwrap().to_owned(), row[0].clone()))
        .collect();
    let unpack = |program: &str, arguments: &[&str], apt: &str| {
        let out = folder.path().join(program);
        fs::create_dir(&out).unwrap();
        let arguments: Vec<String> =
            arguments.iter().map(|argument| argument.replace("OUT", text(&out)).replace("CAB", text(&cab))).collect();
        run(program, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), apt);
        for entry in product.tree().entries() {
            let Kind::File(content) = &entry.kind else { continue };
            let path = entry.path.display();
            let found =
                fs::read(out.join(&names[path.rsplit('/').next().unwrap()])).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert!(found == content.bytes().unwrap(), "{path} by {program}");
        }
    };
    unpack("cabextract", &["-q", "-d", "OUT", "CAB"], "cabextract");
    unpack("7z", &["x", "-y", "-bd", "-oOUT", "CAB"], "7zip");
    unpack("gcab", &["-x", "-C", "OUT", "CAB"], "gcab");
    unpack("bsdtar", &["-xf", "CAB", "-C", "OUT"], "libarchive-tools");
    let read = linkpack::inspect::msi::read(std::io::Cursor::new(&bytes), None).unwrap();
    assert!(
        matches!(&read.cabinets["#files1.cab"], linkpack::inspect::msi::Cabinet::Read(members) if members.len() == names.len())
    );
}

#[test]
fn cabextract_tests_the_cabinet_and_finds_the_files_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = Product::default().build().unwrap();
    let mut package = open(&bytes);
    let mut cabinet = Vec::new();
    std::io::Read::read_to_end(&mut package.read_stream("files1.cab").unwrap(), &mut cabinet).unwrap();
    let cab = folder.path().join("files.cab");
    fs::write(&cab, &cabinet).unwrap();
    run("cabextract", &["--test", text(&cab)], "cabextract");
    let listed = run("gcab", &["--list", text(&cab)], "gcab");
    let mut files = rows(&mut package, "File");
    files.sort_by_key(|row| row[7].parse::<u32>().unwrap());
    let keys: Vec<&str> = files.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(listed.lines().collect::<Vec<_>>(), keys);
    assert_eq!(
        files.iter().map(|row| row[7].parse::<usize>().unwrap()).collect::<Vec<_>>(),
        (1..=keys.len()).collect::<Vec<_>>()
    );
    assert_eq!(find(&rows(&mut package, "Media"), "1")[1..4], [keys.len().to_string(), String::new(), "#files1.cab".into()]);
}

#[test]
fn msiinfo_exports_every_table_and_reads_the_summary() {
    let folder = tempfile::tempdir().unwrap();
    let msi = Product::default().save(folder.path(), "sample.msi");
    let tables = run("msiinfo", &["tables", text(&msi)], "msitools");
    assert!(tables.lines().count() > 35, "{tables}");
    for table in tables.lines().filter(|table| *table != "_SummaryInformation") {
        let exported = run("msiinfo", &["export", text(&msi), table], "msitools");
        assert!(exported.lines().count() >= 3, "{table}: {exported}");
    }
    assert_eq!(run("msiinfo", &["extract", text(&msi), "Icon.product.ico"], "msitools"), "a picture");
    let summary = run("msiinfo", &["suminfo", text(&msi)], "msitools");
    for expected in ["Subject: Intigua sample", "Template: x64;1033", "Version: 500 (1f4)", "Source: 2 (2)"] {
        assert!(summary.contains(expected), "{expected}: {summary}");
    }
}

#[test]
fn validation_describes_every_column_of_every_table() {
    let mut package = open(&Product::default().build().unwrap());
    let columns: BTreeMap<String, Vec<String>> = package
        .tables()
        .filter(|table| !["_Tables", "_Columns"].contains(&table.name()))
        .map(|table| (table.name().to_owned(), table.columns().iter().map(|column| column.name().to_owned()).collect()))
        .collect();
    let validation = rows(&mut package, "_Validation");
    for (table, columns) in &columns {
        for column in columns {
            assert!(validation.iter().any(|row| row[0] == *table && row[1] == *column), "{table}.{column}");
        }
    }
    assert_eq!(validation.len(), columns.values().map(Vec::len).sum::<usize>());
}

#[test]
fn the_service_is_registered_recovered_and_started() {
    let mut package = open(&Product::default().build().unwrap());
    let install = find(&rows(&mut package, "ServiceInstall"), "Service");
    assert_eq!(install[1..6], ["vAgentManager", "Intigua connector", "16", "2", "32769"]);
    assert_eq!(install[8], "", "LocalSystem");
    assert_eq!(install[10], r#"run --root "[INSTALL_ROOT].""#);
    let component = find(&rows(&mut package, "Component"), &install[11]);
    let program = find(&rows(&mut package, "File"), &component[5]);
    assert!(program[2].ends_with("|vlinkservice.exe"), "{program:?}");
    let control = find(&rows(&mut package, "ServiceControl"), "Service");
    assert_eq!(control[1..5], ["vAgentManager", "163", "", "1"]);
    assert_eq!(find(&rows(&mut package, "MsiServiceConfig"), "Service")[2..5], ["5", "3", "1"]);
    // A row that restarts ends every installation on Windows with 1939: Configure sets the recovery.
    assert!(rows(&mut package, "MsiServiceConfigFailureActions").is_empty());
}

#[test]
fn the_root_is_locked_and_the_private_folder_hidden_from_users() {
    let mut package = open(&Product::default().build().unwrap());
    let locks = rows(&mut package, "MsiLockPermissionsEx");
    let users = "(A;OICI;0x1200a9;;;BU)";
    let private = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
    assert_eq!(find(&locks, "lock.INSTALL_ROOT")[1..4], ["INSTALL_ROOT", "CreateFolder", &format!("{private}{users}")]);
    let other = locks.iter().find(|row| row[0] != "lock.INSTALL_ROOT").unwrap();
    assert_eq!(other[3], private);
    let directory = find(&rows(&mut package, "Directory"), &other[1]);
    assert_eq!(directory[1..], ["INSTALL_ROOT", "COMPON~1|components"]);
    assert!(rows(&mut package, "CreateFolder").iter().any(|row| row[0] == other[1]));
}

#[test]
fn a_versioned_program_has_its_version_and_other_files_their_hash() {
    let mut package = open(&Product::default().build().unwrap());
    let files = rows(&mut package, "File");
    let hashes = rows(&mut package, "MsiFileHash");
    let program = files.iter().find(|row| row[2].ends_with("vlinkservice.exe")).unwrap();
    assert_eq!(program[4..6], ["3.1.4.159", "1033"]);
    assert_eq!(hashes.len(), files.len() - 1);
    let plain = files.iter().find(|row| row[2].ends_with("file.txt")).unwrap();
    // MD5 of "1.0.0" is 47cd76e43f74bbc2e1baaf194d07e1fa.
    assert_eq!(
        find(&hashes, &plain[0])[2..],
        [0xe476_cd47_u32, 0xc2bb_743f, 0x19af_bae1, 0xfae1_074d].map(|n| (n as i32).to_string())
    );
}

#[test]
fn identities_stay_when_only_the_version_changes() {
    let build = |version| open(&Product { version, ..Product::default() }.build().unwrap());
    let (mut one, mut two) = (build("1.0.0"), build("1.1.0"));
    assert_eq!(rows(&mut one, "Component"), rows(&mut two, "Component"));
    let property = |package: &mut Package, name: &str| find(&rows(package, "Property"), name)[1].clone();
    assert_eq!(property(&mut one, "UpgradeCode"), property(&mut two, "UpgradeCode"));
    assert_ne!(property(&mut one, "ProductCode"), property(&mut two, "ProductCode"));
    assert_ne!(one.summary_info().uuid(), two.summary_info().uuid());
    let guids = rows(&mut one, "Component").into_iter().map(|row| row[1].clone()).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(guids.len(), rows(&mut one, "Component").len(), "component identities are unique");
}

#[test]
fn the_same_identities_hold_for_another_default_root() {
    let mut here = open(&Product::default().build().unwrap());
    let mut there = open(&Product { default_root: r"D:\Apps\Intigua Agents", ..Product::default() }.build().unwrap());
    assert_eq!(rows(&mut here, "Component"), rows(&mut there, "Component"));
    let directories = rows(&mut there, "Directory");
    assert_eq!(find(&directories, "INSTALL_ROOT")[1..], ["RootParent1", "INTIGU~1|Intigua Agents"]);
    let setter = find(&rows(&mut there, "CustomAction"), "Default.INSTALL_ROOT");
    assert_eq!(setter[1..4], ["51", "INSTALL_ROOT", r"D:\Apps\Intigua Agents\"]);
}

#[test]
fn every_property_of_a_setting_is_secure_and_saved() {
    let mut package = open(&Product::default().build().unwrap());
    let secure = find(&rows(&mut package, "Property"), "SecureCustomProperties")[1].clone();
    let secure: Vec<&str> = secure.split(';').collect();
    let saved = rows(&mut package, "Registry");
    for setting in ["SERVER_URL", "CORE_ID", "CONTAINERS", "INSTALL_ROOT"] {
        assert!(secure.contains(&setting), "{secure:?}");
        assert!(saved.iter().any(|row| row[2] == msi::SETUP_KEY && row[4] == format!("[{setting}]")), "{setting}");
    }
    for row in rows(&mut package, "AppSearch")
        .iter()
        .chain(&rows(&mut package, "Upgrade").iter().map(|row| vec![row[6].clone()]).collect::<Vec<_>>())
    {
        assert!(secure.contains(&row[0].as_str()), "{row:?}");
    }
}

#[test]
fn actions_run_in_a_legal_order_each_at_its_own_number() {
    let library = Some(msi::service(&[]));
    let mut package = open(&Product { library, ..Product::default() }.build().unwrap());
    for table in ["InstallExecuteSequence", "InstallUISequence", "AdvtExecuteSequence", "AdminExecuteSequence", "AdminUISequence"]
    {
        let mut numbers: Vec<i32> = rows(&mut package, table).iter().map(|row| row[2].parse().unwrap()).collect();
        let count = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), count, "{table}");
    }
    let sequence = rows(&mut package, "InstallExecuteSequence");
    let place = |action: &str| find(&sequence, action)[2].parse::<i32>().unwrap();
    let order = [
        "FindRelatedProducts",
        "AppSearch",
        "RootFromAlias",
        "RootFromRegistry",
        "Keep.SERVER_URL",
        "Default.SERVER_URL",
        "LaunchConditions",
        "CostInitialize",
        "FileCost",
        "CostFinalize",
        "CheckAgain.Data",
        "Check",
        "InstallValidate",
        "InstallInitialize",
        "RemoveExistingProducts",
        "CheckAgain",
        "Undo",
        "ProcessComponents",
        "StopServices",
        "DeleteServices",
        "RemoveFiles",
        "InstallFiles",
        "InstallServices",
        "MsiConfigureServices",
        "StartServices",
        "Done",
        "InstallFinalize",
    ];
    let places: Vec<i32> = order.iter().map(|action| place(action)).collect();
    assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
    let kinds =
        ["Check", "CheckAgain", "Undo", "Done"].map(|action| find(&rows(&mut package, "CustomAction"), action)[1].clone());
    assert_eq!(kinds, ["1", "11265", "11521", "11777"], "deferred ones as SYSTEM, their data hidden from the log");
    assert!(package.has_stream("Binary.Library"));
}

#[test]
fn the_dialogs_lead_from_one_to_the_next_and_their_tab_order_is_a_circle() {
    let mut package = open(&Product::default().build().unwrap());
    let dialogs = rows(&mut package, "Dialog");
    let controls = rows(&mut package, "Control");
    for dialog in &dialogs {
        let own: BTreeMap<&str, &str> =
            controls.iter().filter(|row| row[0] == dialog[0]).map(|row| (row[1].as_str(), row[10].as_str())).collect();
        // ICE20: an error dialog begins with its text, which takes no focus; the buttons are the circle.
        let first = if dialog[0] == "ErrorDlg" { &dialog[8] } else { &dialog[7] };
        assert!(dialog[0] != "ErrorDlg" || dialog[7] == "ErrorText");
        let mut at = first.as_str();
        for _ in 0..own.values().filter(|next| !next.is_empty()).count() {
            at = own[at];
        }
        assert_eq!(at, first, "{}", dialog[0]);
        if dialog[0] == "CancelDlg" {
            assert_eq!([&dialog[8], &dialog[9]], ["No", "No"], "neither Enter nor Escape cancels");
        }
        for button in [&dialog[8], &dialog[9]] {
            assert!(own.contains_key(button.as_str()), "{}: {button}", dialog[0]);
        }
    }
    for event in rows(&mut package, "ControlEvent").iter().filter(|row| ["NewDialog", "SpawnDialog"].contains(&row[2].as_str())) {
        assert!(dialogs.iter().any(|dialog| dialog[0] == event[3]), "{event:?}");
    }
}

#[test]
fn osslsigncode_signs_and_verifies_it() {
    let folder = tempfile::tempdir().unwrap();
    let msi = Product::default().save(folder.path(), "sample.msi");
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (key, certificate, signed) = (file("key.pem"), file("certificate.pem"), file("signed.msi"));
    let request =
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-addext", "extendedKeyUsage=codeSigning"];
    run("openssl", &[&request[..], &["-keyout", &key, "-out", &certificate]].concat(), "openssl");
    let sign = ["sign", "-certs", &certificate, "-key", &key, "-h", "sha256", "-in", text(&msi), "-out", &signed];
    run("osslsigncode", &sign, "osslsigncode");
    let verified = output(Command::new("osslsigncode").args(["verify", "-CAfile", &certificate, "-in", &signed]), "osslsigncode");
    let shown = String::from_utf8_lossy(&verified.stdout);
    assert!(shown.contains("Signature verification: ok"), "{shown}");
    // What was signed is still the same package.
    assert_eq!(rows(&mut open(&fs::read(&signed).unwrap()), "File"), rows(&mut open(&fs::read(&msi).unwrap()), "File"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let product = Product::default();
    assert!(product.build().unwrap() == product.build().unwrap());
}

#[test]
fn seventy_thousand_files_need_long_references_and_two_cabinets() {
    let folder = tempfile::tempdir().unwrap();
    let more = (0..70_000)
        .map(|n| (format!("Intigua-Libs/pulse/{}/file number {n}.txt", n / 1000), Content::memory(n.to_string().into_bytes())));
    let bytes = Product { more: more.collect(), ..Product::default() }.build().unwrap();
    let msi = folder.path().join("many.msi");
    fs::write(&msi, &bytes).unwrap();
    // The msi crate reads 65,536 rows at most.
    let export =
        |table: &str| run("msiinfo", &["export", text(&msi), table], "msitools").lines().skip(3).map(str::to_owned).collect();
    let (files, media): (Vec<String>, Vec<String>) = (export("File"), export("Media"));
    assert_eq!(files.len(), 70_007);
    assert!(media[0].starts_with("1\t60000\t") && media[1].starts_with("2\t70007\t"), "{media:?}");
    let back = folder.path().join("back");
    run("msiextract", &["--directory", text(&back), text(&msi)], "msitools");
    for number in [0, 59_999, 69_999] {
        let path = format!("Intigua/Intigua-Libs/pulse/{}/file number {number}.txt", number / 1000);
        assert_eq!(fs::read_to_string(back.join(path)).unwrap(), number.to_string());
    }
}

#[test]
fn what_windows_cannot_hold_is_refused_by_its_name() {
    let refused = |more: &[&str]| {
        let more = more.iter().map(|name| ((*name).to_owned(), Content::memory(b"x".as_slice()))).collect();
        Product { more, ..Product::default() }.build().unwrap_err().to_string()
    };
    assert!(refused(&["vAgentManager/Привет.txt"]).contains("1252"));
    assert!(refused(&["vAgentManager/AGENT.CONF"]).contains("differs only in case"));
    assert!(refused(&["vAgentManager/aux.txt"]).contains("device"));
    let wrong =
        |executable: &[u8]| Product { executable: executable.to_vec(), ..Product::default() }.build().unwrap_err().to_string();
    assert!(wrong(b"\x7fELF").contains("not a Windows program"));
    let mut other = msi::service(&[]);
    let header = u32::from_le_bytes(other[0x3c..0x40].try_into().unwrap()) as usize;
    other[header + 4..header + 6].copy_from_slice(&0xAA64_u16.to_le_bytes());
    assert!(wrong(&other).contains("0xaa64"));
    assert!(Product { version: "300.0.0", ..Product::default() }.build().unwrap_err().what().contains("300"));
}
