use super::*;
use contract::rules::{self, System};
use std::collections::BTreeSet;

pub fn facts() -> Facts {
    Facts {
        product: "intigua-link".into(),
        package: "intigua-link".into(),
        names: contract::names::Names::default(),
        title: "Intigua Link".into(),
        version: "1.2.0".into(),
        packaged_root: "/usr/local/intigua".into(),
        arch: Arch::X86_64,
        installed_kb: 100,
        installed_names: 10,
        containers: vec![
            ContainerFact { name: "pulse".into(), required: true },
            ContainerFact { name: "tracer".into(), required: false },
        ],
        executable: "vlink".into(),
        arguments: vec!["run".into(), "--root".into(), "{root}".into()],
        core_check: Vec::new(),
        settings: settings(),
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

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.set("SERVER_URL", "https://core.example:443");
    settings
}

fn sh(script: &str) -> String {
    let mut shell = std::process::Command::new("/bin/sh");
    // With another environment a script would begin anew, from the file that it does not have here.
    let output = shell.env_clear().env("PATH", PATH).arg("-c").arg(script).output().expect("/bin/sh runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The same from a file: a stub is longer than an argument may be, and reads itself again.
fn sh_file(script: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("stub.run");
    std::fs::write(&file, script).expect("written");
    sh(&format!("exec sh {}", sh_quote(&file.to_string_lossy())))
}

const EVIL: &[&str] = &["", "'", "a'b'c", "$(touch /tmp/x)", "`id`", "\\", "a b", "\"", "%n", "$HOME", "-n", "{{ x }}", "ü'ß"];

#[test]
fn a_quoted_value_comes_back_from_the_shell_as_it_was() {
    for value in EVIL {
        assert_eq!(sh(&format!("printf '%s' {}", sh_quote(value))), *value);
    }
}

#[test]
fn a_unit_word_keeps_specifiers_variables_and_quotes_from_meaning_anything() {
    assert_eq!(unit_quote(r#"a"b\c"#), r#""a\"b\\c""#);
    assert_eq!(unit_quote("100%h $HOME"), r#""100%%h $$HOME""#);
}

#[test]
fn evil_values_reach_the_scripts_as_data() {
    for value in EVIL {
        let mut facts = facts();
        facts.title = format!("t{value}");
        facts.arguments = vec![(*value).into()];
        facts.config = vec![("key".into(), (*value).into())];
        let stub = run_stub_fitted(&facts, Codec::Gzip).expect("renders");
        let end = stub.rfind("main \"$@\"; exit").expect("the last line");
        let probe = format!("{}\nprintf '%s' \"$LP_TITLE\"; exit\n}}", &stub[..end]);
        assert_eq!(sh_file(&probe), facts.title);
        let probe =
            format!("{}\nshow() {{ [ \"$1\" != key ] || printf '%s' \"$2\"; }}; lp_config_pairs show; exit\n}}", &stub[..end]);
        assert_eq!(sh_file(&probe), *value);
    }
}

#[test]
fn a_value_with_a_newline_is_refused_with_its_name() {
    let mut facts = facts();
    facts.arguments.push("two\nlines".into());
    let error = deb_scripts(&facts).expect_err("refused").to_string();
    assert!(error.contains("argument of the connector"), "{error}");
}

#[test]
fn a_products_own_names_are_the_only_ones_in_all_that_is_rendered() {
    let mut facts = facts();
    for (key, value) in [
        ("service", "acme"),
        ("vendor", "acme-ltd"),
        ("connector-folder", "Connector"),
        ("containers-folder", "Agents"),
        ("start-link", "9"),
    ] {
        assert!(facts.names.set(key, value), "{key}");
    }
    (facts.product, facts.package, facts.title) = ("acme".into(), "acme".into(), "Acme".into());
    (facts.packaged_root, facts.executable) = ("/opt/acme".into(), "agent".into());
    (facts.folders, facts.seal_paths) = (Vec::new(), Vec::new());
    let DebScripts { modules, preinst, postinst, prerm, postrm, config, templates, triggers } =
        deb_scripts(&facts).expect("renders");
    let RpmScripts { pretrans, pre, post, preun, postun, posttrans } = rpm_scripts(&facts).expect("renders");
    let (site, site_gone) = site_scriptlets(&facts.names).expect("renders");
    let stub = run_stub_fitted(&facts, Codec::Gzip).expect("renders");
    let files = bin_files(&facts).expect("renders");
    let scripts = [
        modules, preinst, postinst, prerm, postrm, config, templates, triggers, pretrans, pre, post, preun, postun, posttrans,
        site, site_gone, stub,
    ];
    for text in scripts.iter().chain(files.iter().map(|file| &file.text)) {
        // Keys of csclient.cfg belong to the connector.
        let own = text.replace("vlinkCoreId", "").replace("vlinkMachineId", "").to_lowercase();
        for name in ["vlink", "intigua", "vagentmanager", "s30", "k70"] {
            let line = own.lines().find(|line| line.contains(name));
            assert_eq!(line, None, "{name}");
        }
    }
    let names = files.iter().find(|file| file.path == "bin/names").expect("the file");
    assert_eq!(Names::read(&names.text), facts.names);
    assert!(bin_files(&super::tests::facts()).expect("renders").iter().all(|file| file.path != "bin/names"));
}

#[test]
fn an_executable_outside_the_connector_is_refused() {
    for executable in ["", "/bin/sh", "../vlink"] {
        let facts = Facts { executable: executable.into(), ..facts() };
        assert!(bin_files(&facts).is_err(), "{executable}");
    }
}

#[test]
fn the_stub_says_its_own_length_and_leaves_room_for_the_sum() {
    let stub = run_stub_fitted(&facts(), Codec::Gzip).expect("renders");
    assert!(stub.contains(&format!("\nLP_OFFSET={}\n", stub.len())));
    assert_eq!(stub.lines().next(), Some("#!/bin/sh"));
    let sum = RUN_SUM_AT.start as usize..RUN_SUM_AT.end as usize;
    assert_eq!(&stub[..sum.start], "#!/bin/sh\nLP_SUM=");
    assert_eq!(&stub[sum], "0".repeat(64));
    let signature = RUN_SIGNATURE_AT.start as usize..RUN_SIGNATURE_AT.end as usize;
    assert_eq!(&stub[RUN_SUM_AT.end as usize..signature.start], "\nLP_SIG=");
    assert_eq!(stub[signature], run_signature_field("").expect("nothing fits"));
    assert!(stub.contains(&format!("\nLP_COVERED={RUN_SUM_COVERS_FROM}\n")));
    assert_eq!(stub.as_bytes()[RUN_SUM_COVERS_FROM as usize - 1], b'\n');
    assert!(stub.ends_with("}\n"));
}

/// Every script of a package by its name, with the modules that it reads.
fn scripts_with_modules() -> Vec<(&'static str, String)> {
    let (deb, rpm) = (deb_scripts(&facts()).expect("renders"), rpm_scripts(&facts()).expect("renders"));
    let files = bin_files(&facts()).expect("renders");
    let file = |path: &str| files.iter().find(|file| file.path == path).map_or("", |file| &file.text);
    let scripts = [
        ("preinst", deb.preinst + &deb.modules),
        ("postinst", deb.postinst),
        ("prerm", deb.prerm),
        ("postrm", deb.postrm),
        ("%pre", rpm.pre),
        ("%post", rpm.post),
        ("%preun", rpm.preun),
        ("%postun", rpm.postun),
        ("%posttrans", rpm.posttrans),
        ("linkctl", file("bin/linkctl").to_owned()),
        ("preflight", preflight_script(&facts()).expect("renders")),
        ("stub", run_stub_fitted(&facts(), Codec::Gzip).expect("renders")),
    ];
    let whole = |script: String| {
        let named = script.split_once("for lp_name in facts ").and_then(|(_, rest)| rest.split_once("; do"));
        let names: Vec<String> =
            named.map(|(names, _)| names).unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        let modules = names.iter().map(|name| {
            let text = file(&format!("bin/lib/{name}.sh"));
            assert!(!text.is_empty(), "no package holds {name}.sh");
            text
        });
        let modules = modules.collect::<String>();
        let main = inline::reachable(&[modules], &script);
        script + &main
    };
    scripts.into_iter().map(|(name, script)| (name, whole(script))).collect()
}

#[test]
fn no_script_calls_a_function_that_it_does_not_hold() {
    // Called where the script has it, from a module that serves others too; the last one is read where a trigger asks for it.
    const ELSEWHERE: [&str; 7] = [
        "lp_settings_debconf",
        "lp_decompress_fault",
        "lp_unit_file",
        "lp_check_libraries",
        "lp_check_journal",
        "lp_check_downgrade",
        "lp_apply",
    ];
    let modules = render::every_module().expect("readable");
    let known: BTreeSet<&str> = modules.iter().flat_map(|module| inline::names(module)).collect();
    let mut missing = BTreeSet::new();
    for (script, text) in scripts_with_modules() {
        let held = inline::names(&text);
        let called = inline::words(&text).filter(|word| known.contains(word) && word.starts_with("lp_"));
        let absent = called.filter(|name| !held.contains(name) && !ELSEWHERE.contains(name));
        missing.extend(absent.map(|name| format!("{script} calls {name}")));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn rendering_twice_gives_the_same_bytes() {
    assert_eq!(deb_scripts(&facts()).expect("renders"), deb_scripts(&facts()).expect("renders"));
    assert_eq!(rpm_scripts(&facts()).expect("renders"), rpm_scripts(&facts()).expect("renders"));
}

/// The module alone, for what is cheaper to ask directly.
fn compare(a: &str, b: &str) -> String {
    let module = include_str!("../../../installers/linux/version.sh");
    sh(&format!("{module}\nlp_version_compare {} {}", sh_quote(a), sh_quote(b))).trim().to_owned()
}

#[test]
fn versions_are_ordered_as_dpkg_orders_them() {
    let versions = [
        "1.0",
        "1.9",
        "1.10",
        "1.0~rc1",
        "1.0~~",
        "1.0.1",
        "2",
        "10",
        "1.0a",
        "1.0b",
        "1.0+x",
        "1.007",
        "1.7",
        "1.0+",
        "99999999999999999999",
        "99999999999999999998",
    ];
    for a in versions {
        for b in versions {
            let says = |operator| {
                let status = std::process::Command::new("dpkg").args(["--compare-versions", a, operator, b]).status();
                status.expect("apt-get install dpkg").success()
            };
            let expected = ["lt", "eq", "gt"].into_iter().find(|operator| says(operator)).expect("ordered");
            assert_eq!(compare(a, b), expected, "{a} {b}");
        }
    }
}

/// Every shell says of each value in tests/rules/settings.txt what the contract's own function says, in the same words.
#[test]
fn values_are_judged_as_the_list_of_rules_says() {
    let rules = include_str!("../../../tests/rules/settings.txt").lines().filter(|line| !line.starts_with('#'));
    let mut script = preflight_script(&facts()).expect("renders").replace("main \"$@\"; exit", "");
    let mut expected = Vec::new();
    for rule in rules {
        let [verdict, system, name, value] = rule.splitn(4, ' ').collect::<Vec<_>>()[..] else { panic!("{rule}") };
        let setting = contract::settings::Setting::named(name).unwrap_or_else(|| panic!("{rule}: no such setting"));
        for judge in [System::Linux, System::Windows] {
            if system == "any" || system == if judge == System::Linux { "linux" } else { "windows" } {
                assert_eq!(rules::fault(setting.rule, value, judge).is_some(), verdict == "bad", "{rule} on {judge:?}");
            }
        }
        if system != "windows" {
            script += &format!("lp_setting_fault {name} {}; echo\n", sh_quote(value));
            expected.push((rule, rules::fault(setting.rule, value, System::Linux).unwrap_or_default()));
        }
    }
    for shell in ["dash", "bash", "busybox sh"] {
        let mut words = shell.split(' ');
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("rules.sh");
        std::fs::write(&file, &script).expect("written");
        let mut command = std::process::Command::new(words.next().expect("a shell"));
        let output = command.args(words).arg(&file).env_clear().env("PATH", PATH).output().expect("the shell runs");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        let said: Vec<&str> = said.lines().collect();
        assert_eq!(said.len(), expected.len(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
        for ((rule, fault), line) in expected.iter().zip(said) {
            assert_eq!(line, *fault, "{shell}: {rule}");
        }
    }
}
