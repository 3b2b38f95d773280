//! Sites as overlays: the product and a site's settings come from one kit, in the right order, and sites are exchanged later.
use crate::clients::{apt, carry, give_openssl, KIT};
use crate::common::{cmd, fixture, need, shell_package, Place, Scratch};
use crate::material::{linkpack, make, material, NAME};
use std::fs;
use std::path::{Path, PathBuf};

/// Two sites. What is not a setting of the contract becomes a line of csclient.cfg.
const SITES: &str = r#"mkdir sites
for site in berlin:11 zurich:22; do
    printf 'server-url = "https://%s.example"\n[throttle]\nmax-cpu-percent = %s\n[settings]\nown.key = "a \\"quoted\\" \\\\ %s"\n' \
        ${site%:*} ${site#*:} ${site%:*} >sites/${site%:*}.toml
done
"$LINKPACK" build -q --no-cache --key key.pem --openpgp-key rsa.sec -m demo/linkpack.toml -o dist -s sites/berlin.toml -s sites/zurich.toml --per-site overlay
"#;

/// The sample and its sites as overlays in `dist`, and a kit of them in `kit`. Made once; not to be written in.
fn overlays() -> PathBuf {
    let material = material();
    fixture("overlays", &format!("{SITES}{}", material.display()), |folder| {
        let keys = ["demo", "key.pem", "key.pub", "stranger.pem", "rsa.sec", "rsa.asc"];
        cmd("cp").arg("-a").args(keys.map(|name| material.join(name))).arg(folder).run().ok();
        cmd("sh")
            .args(["-euc", SITES])
            .env("LINKPACK", env!("CARGO_BIN_EXE_linkpack"))
            .env("SOURCE_DATE_EPOCH", crate::material::EPOCH)
            .dir(folder)
            .run()
            .ok();
        make(folder, "dist -o kit").run().ok();
    })
}

/// The first server and the throttle of the connector's settings.
fn settings(place: &impl Place) -> String {
    let script = r#"sed -n -e 's/^serverUrl: "https:..\([a-z.]*\).*/\1/p' -e 's/^globalThrottleCfg.maxCpuPercent: "\(.*\)"/\1/p' /usr/local/intigua/components/csclient.cfg"#;
    place.sh(script).ok().stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn site_package(site: &str) -> String {
    format!("{NAME}-site-{site}")
}

#[test]
fn the_build_tells_lints_and_verifies_overlays_and_builds_them_again() {
    let folder = overlays();
    let folder = folder.as_path();
    let names = |end: &str| {
        let all = fs::read_dir(folder.join("dist")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = all.filter(|name| name.ends_with(end)).collect();
        names.sort();
        names
    };
    assert_eq!(
        names(".deb"),
        [
            format!("{NAME}-site-berlin_1.1.0_all.deb"),
            format!("{NAME}-site-zurich_1.1.0_all.deb"),
            format!("{NAME}_1.1.0_amd64.deb")
        ]
    );
    assert_eq!(names(".site"), ["berlin", "zurich"].map(|site| format!("{NAME}-{site}.site")));
    assert_eq!(names(".mst"), ["berlin", "zurich"].map(|site| format!("{NAME}-{site}.mst")));
    linkpack().args(["lint", "dist"]).dir(folder).run().ok().says("12 packages: 0 errors");
    let signed = names("berlin.site").into_iter().chain(names("_all.deb")).chain(names(".noarch.rpm"));
    let signed = signed.map(|name| format!("dist/{name}"));
    linkpack().args(["verify", "--key", "key.pub", "--key", "rsa.asc"]).args(signed).dir(folder).run().ok();
    let site = format!("dist/{NAME}-berlin.site");
    linkpack()
        .args(["inspect", &site])
        .dir(folder)
        .run()
        .ok()
        .says("SERVER_URL = https://berlin.example")
        .says("own.key = a \"quoted\" \\ berlin");
    let rebuilt = ["verify", "--rebuild", "demo/linkpack.toml", "-s", "sites/berlin.toml", "-s", "sites/zurich.toml"];
    let again = [site.clone(), format!("dist/{NAME}-site-zurich_1.1.0_all.deb")];
    linkpack().args(rebuilt).args(again).dir(folder).run().ok();
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("dist/manifest.json")).unwrap()).unwrap();
    let overlays = manifest["packages"].as_array().unwrap().iter().filter(|package| package["overlay"] == true);
    assert_eq!(
        overlays.filter(|package| package["site"] == "zurich" && !package["signed"].is_null()).count(),
        3,
        "an MSI needs a certificate"
    );
}

#[test]
fn apt_unpacks_the_site_first_and_exchanges_it_and_what_is_wrong_changes_nothing() {
    let folder = overlays();
    let scratch = Scratch::debian();
    carry(&scratch, &folder.join("kit"));
    let machine = scratch.boot();
    let (berlin, zurich) = (site_package("berlin"), site_package("zurich"));
    let said = machine.sh(&apt(&format!("--once {NAME} {berlin}"))).ok();
    let at = |text: &str| said.stdout.find(text).unwrap_or_else(|| panic!("{text}: {said}"));
    assert!(at(&format!("Unpacking {berlin} ")) < at(&format!("Unpacking {NAME} ")), "{said}");
    assert_eq!(settings(&machine), "berlin.example 11");
    machine.sh("grep -qxF 'own.key: \"a \\\"quoted\\\" \\\\ berlin\"' /usr/local/intigua/components/csclient.cfg").ok();
    let process = || machine.sh("systemctl show -p MainPID --value vlink").ok().stdout;
    let before = process();
    machine.sh(&apt(&format!("--once {zurich}"))).ok().says("applied: the settings of the site zurich; vlink: restarted");
    assert_eq!(settings(&machine), "zurich.example 22");
    assert_ne!(process(), before, "the connector runs with the new settings");
    machine.sh(&format!("dpkg -s {berlin}")).fails();

    // A source above the site stays above it.
    let linkctl = "/usr/local/intigua/bin/linkctl";
    machine.sh(&format!("{linkctl} set SERVER_URL=https://kept.example")).ok();
    machine.sh(&apt(&format!("--once {berlin}"))).ok();
    assert_eq!(settings(&machine), "kept.example 11");
    machine.sh("rm /var/lib/intigua/settings").ok();
    machine.sh(&format!("{linkctl} apply")).ok();

    let site = format!("/usr/share/intigua/{NAME}.site");
    let good = machine.read(&site);
    let before = machine.read("/usr/local/intigua/components/csclient.cfg");
    for (what, text, why) in [
        ("a command", good.replace("https://berlin.example", "https://$(touch /pwned).example/'"), "SERVER_URL must be one URL"),
        ("an image", format!("{good}IMAGE=1\n"), "the site file has a line that is no setting: IMAGE"),
        ("another key", format!("{good}rubbish\n"), "the site file has a line that is no setting"),
        ("the identity", format!("{good}csclient.vlinkCoreId=mine\n"), "the site file has a line that is no setting"),
        ("another product", good.replace(NAME, "other"), "the site file is not for"),
    ] {
        machine.write(&site, text);
        machine.sh(&format!("{linkctl} apply")).exits(2).says(why);
        assert_eq!(machine.read("/usr/local/intigua/components/csclient.cfg"), before, "{what}");
    }
    machine.write(&site, good);
    machine.sh(&format!("chmod 666 {site}; {linkctl} apply")).exits(2).says("is not root's alone");
    machine.sh(&format!("chmod 644 {site}; test ! -e /pwned")).ok();

    // Busy: told with its exit code; afterwards dpkg makes it good.
    machine.sh("sh -c 'exec 9>>/var/lib/intigua/lock; flock 9; echo $$ >/pid; exec sleep 300' >/dev/null 2>&1 & sleep 0.5").ok();
    machine.sh(&apt(&format!("--once {zurich}"))).fails().says("an installation is under way").says("error exit status 16");
    machine.sh("kill $(cat /pid)").ok();
    machine.sh("dpkg --configure -a").ok();
    assert_eq!(settings(&machine), "zurich.example 22");

    machine.sh(&format!("apt-get -y remove {zurich}")).ok();
    assert_eq!(settings(&machine), "core.example.com 50", "the manifest's own values are back");
}

#[test]
fn dnf_and_zypper_install_the_site_first_and_exchange_it() {
    need("zypper", "zypper");
    let folder = overlays();
    let scratch = Scratch::debian();
    scratch.copy_in(&shell_package(), "/srv/shell.rpm");
    scratch.sh("rpm -i /srv/shell.rpm").ok();
    carry(&scratch, &folder.join("kit"));
    let (berlin, zurich) = (site_package("berlin"), site_package("zurich"));
    scratch.sh(&format!("sh '{KIT}/linux/rpm/use-rpm.sh'")).ok();
    let said = scratch.sh(&format!("dnf -y install {NAME} {berlin}")).ok().stdout;
    let at = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text}: {said}"));
    assert!(at(&format!("Installing       : {berlin}-")) < at(&format!("Installing       : {NAME}-1")), "{said}");
    assert_eq!(settings(&scratch), "berlin.example 11");
    scratch.sh(&format!("dnf -y install {zurich}")).fails().says("conflicts with");
    scratch.sh(&format!("dnf -y swap {berlin} {zurich}")).ok().says("applied: the settings of the site zurich");
    assert_eq!(settings(&scratch), "zurich.example 22");
    scratch.sh(&format!("dnf -y remove {zurich}")).ok();
    assert_eq!(settings(&scratch), "core.example.com 50");
    scratch.sh(&format!("dnf -y remove {NAME}")).ok();

    // zypper of this machine, in that root: it calls rpm for each package by itself.
    let root = scratch.inner_root();
    let uri = format!("file://{}{KIT}/linux/rpm", root.display()).replace(' ', "%20");
    scratch.write("/etc/zypp/repos.d/kit.repo", format!("[kit]\nname=kit\nbaseurl={uri}\ngpgcheck=1\nenabled=1\n"));
    let zypper = |arguments: &str| {
        let outside = scratch.outside();
        cmd(outside[0].clone())
            .args(outside[1..].to_vec())
            .args(["zypper", "--non-interactive", "--gpg-auto-import-keys", "--root"])
            .arg(&root)
            .args(arguments.split(' '))
            .run()
    };
    zypper(&format!("install --allow-unsigned-rpm {}", shell_package().display())).ok();
    let said = zypper(&format!("install {NAME} {berlin}")).ok().stdout;
    let at = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text}: {said}"));
    assert!(at(&format!("Installing: {berlin}-")) < at(&format!("Installing: {NAME}-1")), "{said}");
    assert_eq!(settings(&scratch), "berlin.example 11");
    zypper(&format!("install {zurich} -{berlin}")).ok();
    assert_eq!(settings(&scratch), "zurich.example 22");
}

#[test]
fn a_run_takes_the_site_file_beside_it_or_a_named_one_of_its_own_signer() {
    let folder = overlays();
    let scratch = Scratch::debian();
    give_openssl(&scratch);
    let dist = folder.join("dist");
    let name = format!("{NAME}-1.1.0-linux-x86_64.run");
    scratch.copy_in(&dist.join(&name), "/srv/a.run");
    let site = |name: &str| fs::read_to_string(dist.join(format!("{NAME}-{name}.site"))).unwrap();
    let signed_by_another = {
        let copy = tempfile::tempdir().unwrap();
        let path = copy.path().join("x.site");
        fs::write(&path, site("berlin").replace("berlin.example", "evil.example")).unwrap();
        linkpack().args(["sign", "-q", "--key"]).arg(folder.join("stranger.pem")).arg(&path).run().ok();
        fs::read_to_string(path).unwrap()
    };
    let unsigned: String = site("berlin")
        .lines()
        .filter(|line| !line.starts_with("KEY=") && !line.starts_with("SIGNATURE="))
        .flat_map(|line| [line, "\n"])
        .collect();
    for (what, text, code, why) in [
        ("another signer's", signed_by_another, 21, "not made by the key of this .run"),
        ("changed", site("berlin").replace("berlin.example", "evil.example"), 21, "signature is wrong"),
        ("unsigned", unsigned, 21, "the site file is not signed"),
        (
            "of another product",
            site("berlin").replace(&format!("PRODUCT={NAME}"), "PRODUCT=other"),
            2,
            "is not for intigua-sample",
        ),
        ("something else", "SERVER_URL=https://evil.example\n".to_owned(), 2, "this is no site file"),
    ] {
        scratch.write("/srv/given.site", text);
        println!("{what}");
        scratch.sh("sh /srv/a.run --site /srv/given.site").exits(code).says(why);
    }
    assert!(!scratch.exists("/usr/local/intigua"), "nothing was changed");
    scratch.write(&format!("/srv/{NAME}-berlin.site"), site("berlin"));
    scratch.sh("chown 1000 /srv/*.site; sh /srv/a.run").exits(2).says("could have been put there by somebody else");
    scratch.sh("rm /srv/given.site; chown 0 /srv/*.site; cd /srv && sh a.run").ok();
    assert_eq!(settings(&scratch), "berlin.example 11");
    scratch.write(&format!("/srv/{NAME}-zurich.site"), site("zurich"));
    scratch.sh("sh /srv/a.run").exits(2).says("several site files lie beside this file");
    scratch.sh(&format!("cd /srv && sh a.run --if-needed --site {NAME}-zurich.site")).ok();
    assert_eq!(settings(&scratch), "zurich.example 22");
    // What was given stays, until another one is, or none.
    scratch.sh(&format!("rm /srv/{NAME}-*.site; sh /srv/a.run")).ok();
    assert_eq!(settings(&scratch), "zurich.example 22");
    scratch.sh("sh /srv/a.run --site none").ok();
    assert_eq!(settings(&scratch), "core.example.com 50");
    assert!(!scratch.exists("/var/lib/intigua/site"));
}

#[test]
fn one_wrong_site_of_many_is_told_by_its_file_and_nothing_gets_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    linkpack().args(["init", "--sample", "demo"]).dir(folder.path()).run().ok();
    let build = |sites: &[&str]| {
        let sites = sites.iter().flat_map(|site| ["-s", site]);
        linkpack()
            .args(["build", "--no-cache", "-f", "run", "-m", "demo/linkpack.toml", "--per-site", "overlay"])
            .args(sites)
            .dir(folder.path())
    };
    build(&[]).run().fails().says("no site file was given");
    fs::write(at("aa.toml"), "server-url = \"https://aa.example\"\n").unwrap();
    fs::write(at("bb.toml"), "name = \"aa\"\n").unwrap();
    fs::write(at("cc.toml"), "server-url = \"nowhere\"\n").unwrap();
    fs::write(at("dd.toml"), "[settings]\nkey = \" blank\"\n").unwrap();
    build(&["aa.toml", "bb.toml"]).run().fails().says("two site files make the site").says("aa.toml and bb.toml");
    build(&["aa.toml", "cc.toml", "dd.toml"]).run().fails().says("--> cc.toml:1").says("dd.toml");
    let left: Vec<_> =
        fs::read_dir(at("dist")).map(|entries| entries.map(|entry| entry.unwrap().file_name()).collect()).unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
    build(&["aa.toml"]).run().ok();
    assert!(Path::new(&at("dist/intigua-sample-aa.site")).is_file());
}

#[test]
fn a_recipe_makes_the_sites_package_byte_for_byte_out_of_the_products_alone() {
    let folder = overlays();
    let work = tempfile::tempdir().unwrap();
    let build = |how: &str| {
        let signing = ["--key", "key.pem", "--openpgp-key", "rsa.sec", "-m", "demo/linkpack.toml", "-s", "sites/berlin.toml"];
        let output = work.path().join(how);
        let cache = work.path().join("cache");
        linkpack()
            .args(["build", "-q", "--per-site", how])
            .args(signing)
            .arg("-o")
            .arg(output)
            .arg("--cache")
            .arg(cache)
            .dir(&folder)
            .run()
            .ok();
    };
    build("packages");
    build("recipes");
    let mut made = 0;
    for entry in fs::read_dir(work.path().join("packages")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.contains("berlin") {
            continue;
        }
        let base = name.replace("-berlin", "");
        let recipe = work.path().join("recipes").join(format!("{name}.recipe"));
        let small = fs::metadata(&recipe).unwrap().len();
        let whole = fs::metadata(work.path().join("packages").join(&name)).unwrap().len();
        assert!(small * 5 < whole, "{name}: {small} of {whole}");
        linkpack()
            .arg("assemble")
            .arg(work.path().join("recipes").join(&base))
            .arg(&recipe)
            .args(["-o", "."])
            .dir(work.path())
            .run()
            .ok();
        cmd("cmp").arg(work.path().join(&name)).arg(work.path().join("packages").join(&name)).run().ok();
        made += 1;
    }
    assert_eq!(made, 4, "a DEB, an RPM, a .run and an MSI");

    let [deb, rpm] = ["_1.1.0_amd64.deb", "-1.1.0-1.x86_64.rpm"].map(|end| work.path().join(format!("recipes/{NAME}{end}")));
    let recipe = work.path().join(format!("recipes/{NAME}-berlin_1.1.0_amd64.deb.recipe"));
    let assemble = |base: &Path| linkpack().arg("assemble").arg(base).arg(&recipe).args(["-o", "x.deb"]).dir(work.path()).run();
    assemble(&rpm).fails().says("is not the package that");
    let mut bytes = fs::read(&recipe).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&recipe, bytes).unwrap();
    assemble(&deb).fails();
    assert!(!work.path().join("x.deb").exists());
    let left =
        fs::read_dir(work.path()).unwrap().filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
    assert_eq!(left.count(), 0, "nothing is left behind");
}
