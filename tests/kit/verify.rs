//! verify.sh in three shells: what is right, and every way in which a kit can be wrong.
use crate::common::{cmd, fixture, need, Cmd};
use crate::material::{copy, damage, fingerprint, linkpack};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

fn verify(kit: &Path, shell: &[&str], arguments: &[&str]) -> Cmd {
    cmd(shell[0]).args(&shell[1..]).arg(kit.join("verify.sh")).args(arguments)
}

#[test]
fn a_whole_kit_is_right_in_every_shell_by_the_fingerprint_and_by_the_key() {
    need("busybox", "busybox-static");
    let folder = copy();
    let kit = folder.path().join("a kit");
    fs::rename(folder.path().join("kit"), &kit).unwrap();
    let right = fingerprint(&folder.path().join("key.pub"));
    for shell in [vec!["dash"], vec!["bash"], vec!["busybox", "sh"]] {
        verify(&kit, &shell, &["--fingerprint", &right]).run().ok().says("ok    key fingerprint").says("ok    signature");
    }
    let spaced = format!(
        "SHA256:{}",
        right.to_uppercase().as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four)).collect::<Vec<_>>().join(" ")
    );
    verify(&kit, &["dash"], &["--fingerprint", &spaced]).run().ok();
    verify(&kit, &["dash"], &[]).run().ok().says(&format!("note  the key has the fingerprint {right}"));
    let own = folder.path().join("key.pub").display().to_string();
    verify(&kit, &["dash"], &["--key", &own]).run().ok().never_says("note");
    let other = fingerprint(&folder.path().join("stranger.pub"));
    verify(&kit, &["dash"], &["--fingerprint", &other]).run().exits(1).says("another fingerprint");
    verify(&kit, &["dash"], &["--fingerprint", "12"]).run().exits(2);
    verify(&kit, &["dash"], &["--nonsense"]).run().exits(2).says("usage");
}

#[test]
fn a_kit_that_was_changed_is_named_wrong_with_sha256sum_and_with_openssl_alone() {
    let folder = copy();
    // What a machine has that knows no sha256sum.
    let bare = folder.path().join("bare");
    fs::create_dir(&bare).unwrap();
    for tool in ["openssl", "find", "sort", "comm", "sed", "grep", "cut", "tr", "wc", "mktemp", "rm", "dirname", "cat"] {
        let path = cmd("sh").args(["-c", &format!("command -v {tool}")]).run().ok().line().to_owned();
        symlink(path, bare.join(tool)).unwrap();
    }
    let wrong = |what: &str, said: &str, change: &dyn Fn(&Path)| {
        let kit = folder.path().join(what);
        cmd("cp").arg("-a").arg(folder.path().join("kit")).arg(&kit).run().ok();
        change(&kit);
        verify(&kit, &["dash"], &[]).run().exits(1).says(said).says("must not be used");
        let bare = bare.display().to_string();
        verify(&kit, &["/bin/dash"], &[]).env("PATH", bare).run().exits(1).says(said);
    };
    let deb = "linux/apt/pool/main/i/intigua-sample/intigua-sample_1.0.0_amd64.deb";
    verify(&folder.path().join("kit"), &["/bin/dash"], &[]).env("PATH", bare.display().to_string()).run().ok();
    wrong("package", deb, &|kit| damage(&kit.join(deb)));
    wrong("missing", deb, &|kit| fs::remove_file(kit.join(deb)).unwrap());
    wrong("list", "signature of SHA256SUMS", &|kit| {
        let list = fs::read_to_string(kit.join("SHA256SUMS")).unwrap();
        fs::write(kit.join("SHA256SUMS"), list.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    });
    wrong("added", "not listed: linux/apt/evil.sources", &|kit| fs::write(kit.join("linux/apt/evil.sources"), "x").unwrap());
    wrong("link", "links or devices", &|kit| symlink("/etc/passwd", kit.join("linux/link")).unwrap());
    wrong("pipe", "links or devices", &|kit| {
        fs::remove_file(kit.join("index.html")).unwrap();
        cmd("mkfifo").arg(kit.join("index.html")).run().ok();
    });
    for (place, file) in [("sums", "SHA256SUMS"), ("sig", "SHA256SUMS.sig"), ("vendor", "keys/vendor.pub")] {
        wrong(place, "links or devices", &|kit| {
            fs::remove_file(kit.join(file)).unwrap();
            cmd("mkfifo").arg(kit.join(file)).run().ok();
        });
    }
    wrong("twice", "names a file twice", &|kit| {
        let list = fs::read_to_string(kit.join("SHA256SUMS")).unwrap();
        fs::write(kit.join("SHA256SUMS"), format!("{list}{}\n", list.lines().next().unwrap())).unwrap();
    });
    wrong("lines", "has a line break", &|kit| fs::write(kit.join("SHA256SUMS.par2\nSHA256SUMS.par2"), "x").unwrap());
    wrong("terminal", "not listed: ??[2Kok", &|kit| fs::write(kit.join("\r\u{1b}[2Kok"), "x").unwrap());
    wrong("key", "not by this key", &|kit| {
        fs::copy(folder.path().join("stranger.pub"), kit.join("keys/vendor.pub")).map(drop).unwrap();
    });
    wrong("signature", "signature of SHA256SUMS", &|kit| damage(&kit.join("SHA256SUMS.sig")));
}

#[test]
fn a_copy_to_a_disk_goes_on_where_it_stopped_and_is_verified() {
    need("busybox", "busybox-static");
    let folder = copy();
    let at = folder.path();
    let right = fingerprint(&at.join("key.pub"));
    let run = "linux/run/intigua-sample-1.0.0-linux-x86_64.run";
    for shell in [["dash"].as_slice(), &["bash"], &["busybox", "sh"]] {
        let copied = |kit: &str, to: &str| {
            let script = format!("{kit}/copy.sh");
            cmd(shell[0]).args(&shell[1..]).args([&script, to, "--fingerprint", &right]).dir(at).run()
        };
        let to = format!("copy of {}", shell[0]);
        copied("kit", &to).ok().says("; 0 were there").says("ok    key fingerprint");
        // Cut off in a large file, with one missing and one that was worn.
        let list = at.join(&to).join("SHA256SUMS");
        fs::remove_file(&list).unwrap();
        let whole = fs::read(at.join(&to).join(run)).unwrap();
        fs::remove_file(at.join(&to).join(run)).unwrap();
        fs::write(at.join(&to).join(format!("{run}.part")), &whole[..whole.len() / 3]).unwrap();
        fs::remove_file(at.join(&to).join("index.html")).unwrap();
        damage(&at.join(&to).join("kit.json"));
        copied("kit", &to).ok().says("copied 3 files");
        let same = "diff -r kit \"$1\"; for one in kit \"$1\"; do (cd \"$one\"; find . -printf '%p %m %T@\\n' | sort); done | sort | uniq -u";
        assert_eq!(cmd("sh").args(["-ec", same, "sh", &to]).dir(at).run().ok().stdout, "", "modes and times, too");
        // What is there of another end is not built upon.
        fs::remove_file(at.join(&to).join(run)).unwrap();
        fs::write(at.join(&to).join(format!("{run}.part")), "rubbish").unwrap();
        copied("kit", &to).ok().says("copied 1 files");
    }
    let copied = |kit: &str, to: &str| cmd("sh").args([&format!("{kit}/copy.sh"), to]).dir(at).run();
    cmd("cp").args(["-a", "kit", "worn"]).dir(at).run().ok();
    damage(&at.join("worn").join(run));
    copied("worn", "new").exits(1).says(run).says("VERIFY.md");
    assert!(!at.join("new/SHA256SUMS").exists(), "what is not whole is no kit");
    crate::material::make(at, "dist-1.1.0 -o next").run().ok();
    copied("next", "copy of dash").exits(1).says("holds another kit");
    copied("kit", "").exits(2).says("usage:");
    copied("kit", "-copy").exits(2).says("usage:");
    cmd("sh").args(["kit/copy.sh", "--", "-copy"]).dir(at).run().ok();
    // A pipe on the medium would never end.
    cmd("sh").args(["-ec", "cp -a kit piped; rm piped/kit.json; mkfifo piped/kit.json"]).dir(at).run().ok();
    copied("piped", "from a pipe").exits(1).says("BAD   kit.json");
    // Nothing goes through a link into what is not the copy, nor into a folder of somebody else's.
    fs::write(at.join("victim"), "").unwrap();
    fs::create_dir(at.join("linked")).unwrap();
    symlink(at.join("victim"), at.join("linked/VERIFY.md.part")).unwrap();
    copied("kit", "linked").exits(1).says("holds links or devices");
    cmd("install").args(["-d", "-o", "nobody", "theirs"]).dir(at).run().ok();
    copied("kit", "theirs").exits(1).says("belongs to another user");
    assert_eq!(fs::read(at.join("victim")).unwrap(), b"");
    let full = "mkdir full; mount -t tmpfs -o size=1m none full; sh kit/copy.sh full/copy";
    cmd("unshare").args(["--mount", "sh", "-c", full]).dir(at).run().exits(1).says("make room there");
}

#[test]
fn the_page_shows_the_fingerprint_and_reaches_for_nothing_outside() {
    need("chromium", "chromium");
    let folder = copy();
    let right = fingerprint(&folder.path().join("key.pub"));
    let page = fs::read_to_string(folder.path().join("kit/index.html")).unwrap().replace("&#x2f;", "/");
    for link in page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()) {
        assert!(folder.path().join("kit").join(link).is_file(), "{link} is not in the kit");
    }
    assert!(!page.contains("://") && !page.contains("<script"), "the page reaches for something outside");
    let url = format!("file://{}/kit/index.html", folder.path().display());
    let home = tempfile::tempdir().unwrap();
    // Without a network the page is what it is: nothing may depend on one.
    let dom = cmd("unshare")
        .args(["--net", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--dump-dom", &url])
        .env("HOME", home.path())
        .run()
        .ok();
    let grouped = right.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four)).collect::<Vec<_>>().join(" ");
    dom.clone()
        .says(&grouped)
        .says("use-apt.sh --once")
        .says("use-rpm.sh --once")
        .says("msiexec /i D:\\windows\\intigua-sample-1.0.0-x64.msi");
    assert!(dom.stdout.contains("<path d=\"M4 4h1v1"), "the QR code is drawn");
}

#[test]
fn two_kits_of_one_input_are_the_same_and_verify_says_so_of_the_packages() {
    let folder = copy();
    crate::material::make(folder.path(), "dist-1.0.0 -o again --zip again.zip --iso again.iso").run().ok();
    crate::material::make(folder.path(), "dist-1.0.0 -o third --zip third.zip --iso third.iso")
        .env("TZ", "Asia/Tokyo")
        .run()
        .ok();
    cmd("diff").args(["-r", "kit", "again"]).dir(folder.path()).run().ok();
    for end in ["zip", "iso"] {
        cmd("cmp").args([format!("again.{end}"), format!("third.{end}")]).dir(folder.path()).run().ok();
    }
    let list =
        |kit: &str| cmd("sh").args(["-c", "find . -printf '%p %m %T@\\n' | sort"]).dir(folder.path().join(kit)).run().ok().stdout;
    assert_eq!(list("kit"), list("again"), "modes and times are of the kit, not of the machine");
    linkpack()
        .arg("verify")
        .arg("kit/linux/run/intigua-sample-1.0.0-linux-x86_64.run")
        .args(["--key", "key.pub"])
        .dir(folder.path())
        .run()
        .ok();
}

/// Prints each place that is no PowerShell.
const PARSE: &str = "import sys, tree_sitter, tree_sitter_pwsh
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_pwsh.language()))
for path in sys.argv[1:]:
    nodes = [parser.parse(open(path, 'rb').read()).root_node]
    while nodes:
        node = nodes.pop()
        nodes.extend(node.children)
        if node.is_error or node.is_missing:
            print(f'{path}:{node.start_point[0] + 1}: {node.type}')
";

/// A Python with the public grammar of PowerShell.
pub fn python_with_powershells_grammar() -> PathBuf {
    const TOOLS: [&str; 2] = ["tree-sitter==0.26.1", "tree-sitter-pwsh==0.38.1"];
    let venv = fixture("powershell-grammar", &format!("{TOOLS:?}"), |folder| {
        need("python3", "python3 python3-venv");
        cmd("python3").args(["-m", "venv", "--copies"]).arg(folder.join("venv")).run().ok();
        cmd(folder.join("venv/bin/python")).args(["-m", "pip", "install", "--quiet"]).args(TOOLS).run().ok();
    });
    venv.join("venv/bin/python")
}

/// The places of scripts that are no PowerShell.
pub fn not_powershell(scripts: &[PathBuf]) -> String {
    cmd(python_with_powershells_grammar()).args(["-c", PARSE]).args(scripts).run().ok().stdout
}

#[test]
fn scripts_for_windows_are_powershell_by_its_public_grammar() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for script in ["templates/kit/verify.ps1", "scripts/windows-check.ps1", "templates/channels/vmware/Deploy.ps1"] {
        assert_eq!(not_powershell(&[top.join(script)]), "", "{script}");
    }
    // The judge sees a brace that is missing.
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.ps1");
    let text = fs::read_to_string(top.join("templates/kit/verify.ps1")).unwrap();
    fs::write(&broken, text.replacen('}', "", 1)).unwrap();
    assert_ne!(not_powershell(&[broken]), "");
}
