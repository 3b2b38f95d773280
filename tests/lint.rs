//! `linkpack lint`: every rule fires on its fault and on nothing else, and no damage makes the reader panic or hang.

mod msi;

use linkpack::inspect::lint::{lint, Finding, Severity};
use linkpack::inspect::msi::{Cabinet, Damage, Member, Msi, Table, Value};
use linkpack::inspect::{self, Package};
use linkpack::payload::pe::{Machine, Program};
use linkpack::payload::Content;
use msi::{output, run, Product};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The bytes of a package without faults.
fn bytes() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| Product::default().build().unwrap())
}

/// The same, read back.
fn clean() -> Msi {
    static CLEAN: OnceLock<Msi> = OnceLock::new();
    CLEAN.get_or_init(|| inspect::msi::read(Cursor::new(bytes()), None).unwrap()).clone()
}

fn findings(msi: Msi) -> Vec<Finding> {
    lint(&Package::of_msi(msi), &[])
}

fn shown(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| format!("{} {}: {}: {}", finding.severity.name(), finding.rule, finding.place, finding.what))
        .collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn table<'a>(msi: &'a mut Msi, name: &str) -> &'a mut Table {
    msi.database.tables.get_mut(name).unwrap_or_else(|| panic!("no table {name}"))
}

fn is(value: &Value, expected: &str) -> bool {
    value.to_string() == expected
}

/// Changes a value in the row whose first value is `key`.
fn set(msi: &mut Msi, name: &str, key: &str, column: &str, value: Value) {
    let table = table(msi, name);
    let at = table.position(column).unwrap();
    let row = table.rows.iter_mut().find(|row| is(&row[0], key)).unwrap_or_else(|| panic!("no {key} in {name}"));
    row[at] = value;
}

/// The row of the file with this long name.
fn file(msi: &Msi, name: &str) -> Vec<Value> {
    let rows = &msi.database.tables["File"].rows;
    rows.iter().find(|row| row[2].to_string().ends_with(name)).unwrap_or_else(|| panic!("no file {name}")).clone()
}

fn set_file(msi: &mut Msi, name: &str, column: &str, value: Value) {
    let key = file(msi, name)[0].to_string();
    set(msi, "File", &key, column, value);
}

/// The component of a file.
fn component(msi: &Msi, name: &str) -> String {
    file(msi, name)[1].to_string()
}

fn remove(msi: &mut Msi, name: &str, column: usize, value: &str) {
    let rows = &mut table(msi, name).rows;
    let before = rows.len();
    rows.retain(|row| !is(&row[column], value));
    assert!(rows.len() < before, "no {value} in {name}");
}

fn add(msi: &mut Msi, name: &str, row: Vec<Value>) {
    let table = table(msi, name);
    assert_eq!(row.len(), table.columns.len());
    table.rows.push(row);
}

fn members(msi: &mut Msi) -> &mut Vec<Member> {
    match msi.cabinets.values_mut().next() {
        Some(Cabinet::Read(members)) => members,
        other => panic!("{other:?}"),
    }
}

fn action(msi: &mut Msi, kind: i32, target: &str) {
    let row = vec![text("Planted"), Value::Number(kind), text("Library"), text(target), Value::Null];
    if !msi.database.tables.contains_key("CustomAction") {
        panic!("no CustomAction");
    }
    add(msi, "CustomAction", row);
}

/// Two files that follow each other in the cabinet and in the table.
fn neighbours(msi: &Msi) -> (String, String, i32) {
    let rows = &msi.database.tables["File"].rows;
    let number = |row: &[Value]| if let Value::Number(number) = row[7] { number } else { panic!("no number") };
    for (index, first) in rows.iter().enumerate() {
        if let Some(second) = rows[index..].iter().find(|row| number(row) == number(first) + 1) {
            return (first[0].to_string(), second[0].to_string(), number(first));
        }
    }
    panic!("no two files in order");
}

type Plant = fn(&mut Msi);

/// Each fault, and the rule that has to fire.
const FAULTS: &[(&str, Plant)] = &[
    ("damaged", |msi| msi.damage.push(Damage { part: "File".into(), what: "cut off".into() })),
    ("validation-missing", |msi| remove(msi, "_Validation", 1, "ErrorControl")),
    ("validation-missing", |msi| table(msi, "_Validation").rows.clear()),
    ("duplicate-key", |msi| {
        let row = table(msi, "Property").rows[0].clone();
        add(msi, "Property", row);
    }),
    ("dialog-error", |msi| remove(msi, "Property", 0, "ErrorDialog")),
    ("dialog-error", |msi| set(msi, "Dialog", "ErrorDlg", "Control_First", text("A"))),
    ("dialog-error", |msi| set(msi, "Dialog", "ErrorDlg", "Attributes", Value::Number(3))),
    ("dialog-ending", |msi| remove(msi, "AdminUISequence", 0, "FailedDlg")),
    ("cell-null", |msi| set_file(msi, "file.txt", "FileName", Value::Null)),
    ("cell-length", |msi| set(msi, "Feature", "Connector", "Title", text(&"x".repeat(65)))),
    ("cell-range", |msi| set(msi, "Feature", "Connector", "Display", Value::Number(-1))),
    ("cell-set", |msi| set(msi, "Feature", "Connector", "Attributes", Value::Number(3))),
    ("cell-set", |msi| set(msi, "MsiLockPermissionsEx", "lock.INSTALL_ROOT", "Table", text("Directory"))),
    ("cell-category", |msi| table(msi, "Registry").rows[0][2] = text(r"\SOFTWARE")),
    ("condition-syntax", |msi| set(msi, "InstallExecuteSequence", "StartServices", "Condition", text("VersionNT AND"))),
    ("foreign-key", |msi| set(msi, "FeatureComponents", "Connector", "Feature_", text("Nowhere"))),
    ("file-media", |msi| {
        let last = members(msi).pop().unwrap();
        let at = msi.database.tables["Media"].position("LastSequence").unwrap();
        let Value::Number(number) = table(msi, "Media").rows[0][at] else { panic!("{last:?}") };
        table(msi, "Media").rows[0][at] = Value::Number(number - 1);
    }),
    ("file-sequence", |msi| {
        let (_, second, number) = neighbours(msi);
        set(msi, "File", &second, "Sequence", Value::Number(number));
    }),
    ("cabinet-missing", |msi| *msi.cabinets.values_mut().next().unwrap() = Cabinet::Missing),
    ("cabinet-damaged", |msi| *msi.cabinets.values_mut().next().unwrap() = Cabinet::Damaged("cut off".into())),
    ("cabinet-unread", |msi| {
        let listed = Cabinet::Listed(members(msi).clone(), "LZX".into());
        *msi.cabinets.values_mut().next().unwrap() = listed;
    }),
    ("cabinet-order", |msi| members(msi).swap(0, 1)),
    ("cabinet-order", |msi| drop(members(msi).pop())),
    ("cabinet-size", |msi| set_file(msi, "file.txt", "FileSize", Value::Number(6))),
    ("file-version", |msi| set_file(msi, "vlinkservice.exe", "Version", text("3.1.4.160"))),
    ("file-version", |msi| set_file(msi, "vlinkservice.exe", "Language", Value::Null)),
    ("file-hash", |msi| table(msi, "MsiFileHash").rows[0][2] = Value::Number(5)),
    ("file-hash", |msi| drop(table(msi, "MsiFileHash").rows.pop())),
    ("path-collision", |msi| set_file(msi, "agent.conf", "FileName", text("OTHER~1.TXT|VLINKSERVICE.EXE"))),
    ("directory-loop", |msi| {
        let child = table(msi, "Directory").rows.iter().find(|row| is(&row[1], "INSTALL_ROOT")).unwrap()[0].clone();
        set(msi, "Directory", "INSTALL_ROOT", "Directory_Parent", child);
    }),
    ("component-id", |msi| {
        let identity = table(msi, "Component").rows[0][1].clone();
        table(msi, "Component").rows[1][1] = identity;
    }),
    ("component-feature", |msi| {
        let component = component(msi, "file.txt");
        remove(msi, "FeatureComponents", 1, &component);
    }),
    ("component-folder", |msi| remove(msi, "CreateFolder", 1, "RootFolder")),
    ("component-keypath", |msi| {
        let (component, other) = (component(msi, "file.txt"), file(msi, "agent.conf")[0].clone());
        set(msi, "Component", &component, "KeyPath", other);
    }),
    ("property-missing", |msi| remove(msi, "Property", 0, "Manufacturer")),
    ("guid", |msi| {
        let guid = table(msi, "Component").rows[0][1].to_string().to_lowercase();
        table(msi, "Component").rows[0][1] = text(&guid);
    }),
    ("guid", |msi| set(msi, "Property", "ProductCode", "Value", text("1234"))),
    ("guid", |msi| msi.summary.revision = Some("{}".into())),
    ("product-version", |msi| set(msi, "Property", "ProductVersion", "Value", text("1.256.0"))),
    ("product-version", |msi| set(msi, "Property", "ProductVersion", "Value", text("one"))),
    ("upgrade-property", |msi| table(msi, "Upgrade").rows[0][6] = text("olderFound")),
    ("upgrade-secure", |msi| table(msi, "Upgrade").rows[0][6] = text("OLDERFOUND")),
    ("platform", |msi| {
        let component = component(msi, "file.txt");
        set(msi, "Component", &component, "Attributes", Value::Number(0));
    }),
    ("platform", |msi| {
        add(msi, "Directory", vec![text("CommonFilesFolder"), text("TARGETDIR"), text(".")]);
        let component = component(msi, "file.txt");
        set(msi, "Component", &component, "Directory_", text("CommonFilesFolder"));
    }),
    ("platform", |msi| msi.summary.template = Some("Alpha;1033".into())),
    ("platform", |msi| msi.summary.pages = Some(110)),
    ("action-unknown", |msi| {
        add(msi, "InstallExecuteSequence", vec![text("InstallFils"), Value::Null, Value::Number(4500)]);
    }),
    ("sequence-number", |msi| set(msi, "InstallExecuteSequence", "InstallFiles", "Sequence", Value::Number(5000))),
    ("action-order", |msi| {
        set(msi, "InstallExecuteSequence", "LaunchConditions", "Sequence", Value::Number(10));
        let found = table(msi, "AppSearch").rows[0][0].to_string();
        add(msi, "LaunchCondition", vec![text(&format!("{found} OR Installed")), text("It has to be there.")]);
    }),
    ("action-order", |msi| set(msi, "InstallExecuteSequence", "RemoveExistingProducts", "Sequence", Value::Number(3650))),
    ("action-order", |msi| {
        add(msi, "InstallExecuteSequence", vec![text("ForceReboot"), text("REBOOT_NOW"), Value::Number(6250)]);
    }),
    ("action-order", |msi| {
        add(msi, "InstallExecuteSequence", vec![text("ForceReboot"), text("REBOOT_NOW"), Value::Number(6700)]);
    }),
    ("action-outside-script", |msi| set(msi, "InstallExecuteSequence", "RegisterUser", "Sequence", Value::Number(6700))),
    ("action-outside-script", |msi| {
        action(msi, 1 | 0x400, "entry");
        add(msi, "InstallUISequence", vec![text("Planted"), text("NOT REMOVE"), Value::Number(1100)]);
    }),
    ("action-script", |msi| action(msi, 6, "entry")),
    ("action-script", |msi| action(msi, 37 | 0x400, "entry")),
    ("action-temp", |msi| action(msi, 2, "-quiet")),
    ("action-temp", |msi| action(msi, 50, "[TempFolder]setup.exe")),
    ("action-at-uninstall", |msi| {
        action(msi, 1, "preflight");
        add(msi, "InstallExecuteSequence", vec![text("Planted"), Value::Null, Value::Number(1450)]);
    }),
    ("column-missing", |msi| {
        let mut row = vec![text("File"), text("Colour"), text("Y")];
        row.resize(10, Value::Null);
        add(msi, "_Validation", row);
    }),
    ("per-user", |msi| {
        add(msi, "Directory", vec![text("AppDataFolder"), text("TARGETDIR"), text(".")]);
        add(msi, "Directory", vec![text("Mine"), text("AppDataFolder"), text("mine")]);
        let component = component(msi, "file.txt");
        set(msi, "Component", &component, "Directory_", text("Mine"));
    }),
    ("per-machine", |msi| set(msi, "Property", "ALLUSERS", "Value", text("2"))),
    ("per-machine", |msi| msi.summary.words = Some(10)),
    ("per-user", |msi| table(msi, "Registry").rows[0][1] = Value::Number(1)),
    ("per-user", |msi| {
        add(msi, "Directory", vec![text("AppDataFolder"), text("TARGETDIR"), text(".")]);
        let component = component(msi, "file.txt");
        set(msi, "Component", &component, "Directory_", text("AppDataFolder"));
    }),
    ("service-program", |msi| {
        let component = component(msi, "agent.conf");
        set(msi, "ServiceInstall", "Service", "Component_", text(&component));
    }),
    ("service-program", |msi| {
        let key = file(msi, "vlinkservice.exe")[0].to_string();
        let member = members(msi).iter_mut().find(|member| member.name == key).unwrap();
        member.content.as_mut().unwrap().program.as_mut().unwrap().machine = Machine::X86;
    }),
    ("program-machine", |msi| {
        let key = file(msi, "file.txt")[0].to_string();
        let member = members(msi).iter_mut().find(|member| member.name == key).unwrap();
        let arm64 = Program { machine: Machine::Other(0xAA64), library: true, version: None, debug_id: None };
        member.content.as_mut().unwrap().program = Some(arm64);
    }),
    ("service-text", |msi| set(msi, "ServiceInstall", "Service", "DisplayName", text("Agent [Beta]"))),
    ("service-config", |msi| set(msi, "MsiServiceConfig", "Service", "Argument", text("2"))),
    ("service-recovery", |msi| {
        let component = msi.database.rows("ServiceInstall").next().unwrap().text("Component_").unwrap().to_owned();
        let (restart, delay) = (text("1[~]1[~]1"), text("60000[~]60000[~]60000"));
        let row = vec![
            text("Service"),
            text("vAgentManager"),
            Value::Number(5),
            Value::Number(86_400),
            Value::Null,
            Value::Null,
            restart,
            delay,
            text(&component),
        ];
        add(msi, "MsiServiceConfigFailureActions", row);
    }),
    ("service-upgrade", |msi| set(msi, "InstallExecuteSequence", "DeleteServices", "Condition", text("VersionNT"))),
    ("secret-registry", |msi| {
        add(msi, "Property", vec![text("DB_PASSWORD"), text("x")]);
        add(msi, "Property", vec![text("MsiHiddenProperties"), text("DB_PASSWORD")]);
        let mut row = table(msi, "Registry").rows[0].clone();
        (row[0], row[3], row[4]) = (text("Secret"), text("Secret"), text("[DB_PASSWORD]"));
        add(msi, "Registry", row);
    }),
    ("permission-tables", |msi| {
        msi.database.tables.insert("LockPermissions".into(), Table { columns: vec![], rows: vec![vec![]] });
    }),
    ("hidden-property", |msi| add(msi, "Property", vec![text("DB_PASSWORD"), text("x")])),
    ("hidden-property", |msi| {
        let row = vec![text("SetData"), Value::Number(51), text("Configure"), text("a|[API_KEY]"), Value::Null];
        add(msi, "CustomAction", row);
    }),
];

#[test]
fn a_package_of_ours_has_no_fault() {
    assert_eq!(shown(&findings(clean())), Vec::<String>::new());
}

/// What Microsoft documents is no fault, whatever the package's own _Validation says.
const FINE: &[(&str, Plant)] = &[
    ("categories that WiX's list lacks", |msi| {
        let categories = "Text;Formatted;Identifier;Integer;Condition";
        let (category, set) =
            (table(msi, "_Validation").position("Category").unwrap(), table(msi, "_Validation").position("Set").unwrap());
        let rows = &mut table(msi, "_Validation").rows;
        let own = rows.iter_mut().find(|row| is(&row[0], "_Validation") && is(&row[1], "Category")).expect("its own row");
        own[set] = text(categories);
        rows.iter_mut().find(|row| is(&row[0], "Directory") && is(&row[1], "DefaultDir")).expect("a row")[category] =
            text("DefaultDir");
    }),
    ("folders in MsiLockPermissionsEx", |msi| {
        let set = table(msi, "_Validation").position("Set").unwrap();
        let rows = &mut table(msi, "_Validation").rows;
        let row = rows.iter_mut().find(|row| is(&row[0], "MsiLockPermissionsEx") && is(&row[1], "Table")).expect("a row");
        row[set] = text("File;Registry");
    }),
    ("a restart behind what belongs together", |msi| {
        add(msi, "InstallExecuteSequence", vec![text("ForceReboot"), text("REBOOT_NOW"), Value::Number(6590)]);
    }),
    ("LaunchConditions first, and no condition that asks for what is found", |msi| {
        table(msi, "LaunchCondition").rows.clear();
        set(msi, "InstallExecuteSequence", "LaunchConditions", "Sequence", Value::Number(10));
    }),
    ("a combo box of volumes with floppies", |msi| {
        const FLOPPY: i32 = 0x0020_0003;
        let columns = msi.database.tables["Control"].columns.len();
        let mut row = vec![Value::Null; columns];
        let dialog = table(msi, "Dialog").rows[0][0].clone();
        for (column, value) in [
            ("Dialog_", dialog),
            ("Control", text("Volumes")),
            ("Type", text("VolumeSelectCombo")),
            ("X", Value::Number(1)),
            ("Y", Value::Number(1)),
            ("Width", Value::Number(10)),
            ("Height", Value::Number(10)),
            ("Attributes", Value::Number(FLOPPY)),
            ("Property", text("INSTALL_ROOT")),
        ] {
            row[table(msi, "Control").position(column).unwrap()] = value;
        }
        add(msi, "Control", row);
    }),
];

#[test]
fn what_microsoft_documents_is_no_fault() {
    for (what, plant) in FINE {
        let mut msi = clean();
        plant(&mut msi);
        assert_eq!(shown(&findings(msi)), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn what_microsofts_own_rules_warn_of_is_a_warning() {
    for rule in ["sequence-number", "cell-length", "cabinet-unread", "action-order"] {
        let mut msi = clean();
        FAULTS.iter().find(|(found, _)| *found == rule).expect("a fault").1(&mut msi);
        let findings = findings(msi);
        assert!(findings.iter().all(|finding| finding.severity == Severity::Warning), "{rule}: {:?}", shown(&findings));
    }
}

#[test]
fn each_fault_is_found_by_its_rule_and_by_no_other() {
    let mut wrong = Vec::new();
    for (number, (rule, plant)) in FAULTS.iter().enumerate() {
        let mut msi = clean();
        plant(&mut msi);
        let findings = findings(msi);
        assert!(findings.iter().all(|finding| !finding.remedy.is_empty() && !finding.place.table.is_empty()));
        let rules: BTreeSet<&str> = findings.iter().map(|finding| finding.rule).collect();
        if rules != BTreeSet::from([*rule]) {
            wrong.push(format!("fault {number}, {rule}: {:#?}", shown(&findings)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_fault_that_is_everywhere_is_counted_after_fifty() {
    let mut msi = clean();
    let row = table(&mut msi, "Property").rows[0].clone();
    (0..100).for_each(|_| add(&mut msi, "Property", row.clone()));
    let findings = findings(msi);
    assert_eq!(findings.len(), 51);
    assert_eq!(findings[50].what, "and 50 more findings of this rule");
}

fn lint_command(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_linkpack")).arg("lint").args(arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Changes a package's own bytes with the msi crate.
fn edited(edit: impl FnOnce(&mut ::msi::Package<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut package = ::msi::Package::open(Cursor::new(bytes().to_vec())).unwrap();
    edit(&mut package);
    package.into_inner().unwrap().into_inner()
}

fn update(table: &str, column: &str, value: &str, key: (&str, ::msi::Value)) -> ::msi::Update {
    let condition = match key.1 {
        ::msi::Value::Int(number) => ::msi::Expr::col(key.0).eq(::msi::Expr::integer(number)),
        other => ::msi::Expr::col(key.0).eq(::msi::Expr::string(other.as_str().unwrap())),
    };
    ::msi::Update::table(table).set(column, ::msi::Value::from(value)).with(condition)
}

#[test]
fn the_command_says_what_is_wrong_where_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good.msi"), folder.path().join("bad.msi"));
    fs::write(&good, bytes()).unwrap();
    let all_users = update("Property", "Value", "2", ("Property", ::msi::Value::from("ALLUSERS")));
    fs::write(&bad, edited(|package| package.update_rows(all_users).unwrap())).unwrap();
    let (good, bad) = (good.to_str().unwrap(), bad.to_str().unwrap());
    let clean = lint_command(&[good]);
    assert_eq!((clean.status.code(), out(&clean)), (Some(0), format!("{good}: 0 errors, 0 warnings\n")));
    let found = lint_command(&[good, bad]);
    assert_eq!(found.status.code(), Some(1));
    let expected =
        format!("{bad}: error[per-machine]: Property[ALLUSERS]: the package is not installed for all users\nhelp: set");
    assert!(out(&found).contains(&expected), "{}", out(&found));
    let json = lint_command(&["--json", good, bad]);
    assert_eq!(json.status.code(), Some(1));
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(document["packages"][0]["findings"], serde_json::json!([]));
    let finding = &document["packages"][1]["findings"][0];
    assert_eq!((&finding["rule"], &finding["row"]), (&"per-machine".into(), &"ALLUSERS".into()), "{document:#}");
    assert_eq!(lint_command(&[]).status.code(), Some(2));
}

#[test]
fn what_is_no_package_is_refused_and_the_others_are_linted_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (deb, msi) = (folder.path().join("a.deb"), folder.path().join("a.msi"));
    fs::write(&deb, b"!<arch>\ndebian-binary").unwrap();
    fs::write(&msi, bytes()).unwrap();
    let refused = lint_command(&[deb.to_str().unwrap(), msi.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("it is truncated or damaged"));
    assert!(out(&refused).contains("a.msi: 0 errors"));
}

#[test]
fn a_cabinet_beside_the_package_is_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    let mut cabinet = Vec::new();
    let moved = edited(|package| {
        package.read_stream("files1.cab").unwrap().read_to_end(&mut cabinet).unwrap();
        package.remove_stream("files1.cab").unwrap();
        package.update_rows(update("Media", "Cabinet", "beside.cab", ("DiskId", ::msi::Value::Int(1)))).unwrap();
    });
    let path = folder.path().join("moved.msi");
    fs::write(&path, moved).unwrap();
    let rules = || -> Vec<&str> { lint(&inspect::read(&path).unwrap(), &[]).iter().map(|finding| finding.rule).collect() };
    assert_eq!(rules(), ["cabinet-missing"]);
    fs::write(folder.path().join("beside.cab"), &cabinet).unwrap();
    assert_eq!(rules(), Vec::<&str>::new());
    let middle = cabinet.len() / 2;
    cabinet[middle] ^= 1;
    fs::write(folder.path().join("beside.cab"), &cabinet).unwrap();
    assert_eq!(rules(), ["cabinet-damaged"]);
}

#[test]
fn a_cabinet_elsewhere_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (name, elsewhere) = (b"#files1.cab", b"../away.cab");
    let mut moved = bytes().to_vec();
    let at = moved.windows(name.len()).position(|window| window == name).unwrap();
    moved[at..at + name.len()].copy_from_slice(elsewhere);
    fs::create_dir(folder.path().join("in")).unwrap();
    fs::write(folder.path().join("away.cab"), b"MSCF").unwrap();
    let path = folder.path().join("in/moved.msi");
    fs::write(&path, moved).unwrap();
    let msi = inspect::read(&path).unwrap().msi.unwrap();
    assert!(matches!(msi.cabinets["../away.cab"], Cabinet::Missing));
}

#[test]
fn a_cabinet_of_a_packing_that_is_not_unpacked_is_listed() {
    let mut bytes = bytes().to_vec();
    let cabinet = bytes.windows(4).position(|window| window == b"MSCF").unwrap();
    const PACKING: usize = 36 + 6;
    const QUANTUM: u8 = 2;
    bytes[cabinet + PACKING] = QUANTUM;
    let findings = findings(inspect::msi::read(Cursor::new(bytes), None).unwrap());
    assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["cabinet-unread"]);
    assert_eq!(findings[0].severity, Severity::Warning);
}

#[test]
fn a_package_of_many_files_is_read_with_its_long_references() {
    let more = (0..22_000).map(|number| {
        let name = format!("Intigua-Libs/tracer/many/f{number}.dat");
        (name, Content::memory(number.to_string().into_bytes()))
    });
    let bytes = Product { more: more.collect(), ..Product::default() }.build().unwrap();
    let msi = inspect::msi::read(Cursor::new(bytes), None).unwrap();
    assert!(msi.database.rows("File").count() > 22_000);
    assert_eq!(shown(&findings(msi)), Vec::<String>::new());
}

#[test]
fn a_package_of_wixl_is_read_and_judged() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("program.exe"), msi::service(&[])).unwrap();
    fs::write(folder.path().join("readme.txt"), b"read me\n").unwrap();
    let source = r#"<?xml version="1.0"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="6F1C7A52-94D3-4E0B-8A55-3C2E9D1077B2" Name="p" Language="1033" Version="1.0.0" Manufacturer="m"
           UpgradeCode="6F1C7A52-94D3-4E0B-8A55-3C2E9D1077B1">
    <Package InstallerVersion="500" Compressed="yes"/>
    <Media Id="1" Cabinet="c.cab" EmbedCab="yes"/>
    <Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFilesFolder"><Directory Id="D" Name="d">
      <Component Id="a" Guid="6F1C7A52-94D3-4E0B-8A55-3C2E9D1077B3"><File Id="fa" Name="program.exe" Source="program.exe" KeyPath="yes"/></Component>
      <Component Id="b" Guid="6F1C7A52-94D3-4E0B-8A55-3C2E9D1077B4"><File Id="fb" Name="readme.txt" Source="readme.txt" KeyPath="yes"/></Component>
    </Directory></Directory></Directory>
    <Feature Id="Main" Level="1"><ComponentRef Id="a"/><ComponentRef Id="b"/></Feature>
  </Product>
</Wix>"#;
    fs::write(folder.path().join("p.wxs"), source).unwrap();
    let made = output(Command::new("wixl").args(["-o", "p.msi", "p.wxs"]).current_dir(folder.path()), "wixl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let findings = lint(&inspect::read(&folder.path().join("p.msi")).unwrap(), &[]);
    let rules: BTreeSet<&str> = findings.iter().map(|finding| finding.rule).collect();
    // What wixl leaves out: _Validation, versions, and ALLUSERS where nobody asked for it; and a 64-bit program in a 32-bit package.
    assert_eq!(
        rules,
        BTreeSet::from(["file-version", "per-machine", "program-machine", "validation-missing"]),
        "{:#?}",
        shown(&findings)
    );
}

/// A generator of numbers that is the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// A small package whose every part is met often by chance.
fn small() -> Vec<u8> {
    let mut cabinet = Vec::new();
    let mut package = ::msi::Package::open(Cursor::new(bytes().to_vec())).unwrap();
    package.read_stream("files1.cab").unwrap().read_to_end(&mut cabinet).unwrap();
    // Only the cabinet's first blocks: the rest is payload like any other.
    cabinet.truncate(24 << 10);
    package.write_stream("files1.cab").unwrap().write_all(&cabinet).unwrap();
    package.into_inner().unwrap().into_inner()
}

#[test]
fn damaged_packages_neither_panic_nor_hang() {
    let whole = small();
    let mut random = Random(3);
    let (mut read, mut refused) = (0, 0);
    for round in 0..4_000 {
        let mut bytes = whole.clone();
        if round % 4 == 0 {
            bytes.truncate(random.below(whole.len()));
        }
        for _ in 0..=random.below(8) {
            if !bytes.is_empty() {
                // Half of them where the compound file's own lists are.
                let end = if random.below(2) == 0 { bytes.len() } else { bytes.len().min(4096) };
                let at = random.below(end);
                bytes[at] ^= 1 << random.below(8);
            }
        }
        match inspect::msi::read(Cursor::new(bytes), None) {
            Ok(msi) => {
                findings(msi);
                read += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(read > 200 && refused > 200, "{read} read, {refused} refused");
}

#[test]
fn a_damaged_cabinet_neither_panics_nor_hangs() {
    let cabinet_at = bytes().windows(4).position(|window| window == b"MSCF").unwrap();
    let mut random = Random(5);
    for _ in 0..300 {
        let mut bytes = bytes().to_vec();
        for _ in 0..4 {
            bytes[cabinet_at + random.below(2_000)] ^= 1 << random.below(8);
        }
        if let Ok(msi) = inspect::msi::read(Cursor::new(bytes), None) {
            findings(msi);
        }
    }
}

#[test]
fn gcabs_cabinets_are_read_like_ours() {
    let folder = tempfile::tempdir().unwrap();
    let noise: Vec<u8> = (0..200_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(folder.path().join("a"), &noise).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let cabinet = folder.path().join("beside.cab");
    run("gcab", &["--create", "--zip", "--nopath", &text(&cabinet), &text(&folder.path().join("a"))], "gcab");
    let moved = edited(|package| {
        package.update_rows(update("Media", "Cabinet", "beside.cab", ("DiskId", ::msi::Value::Int(1)))).unwrap();
    });
    let path = folder.path().join("moved.msi");
    fs::write(&path, moved).unwrap();
    let msi = inspect::read(&path).unwrap().msi.unwrap();
    let Cabinet::Read(members) = &msi.cabinets["beside.cab"] else { panic!("{:?}", msi.cabinets["beside.cab"]) };
    use md5::{Digest, Md5};
    assert_eq!(members[0].content.as_ref().unwrap().md5[..], Md5::digest(&noise)[..]);
}
