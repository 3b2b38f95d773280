//! Recovery data, judged by the public par2 tool.
use crate::common::{cmd, need};
use crate::material::{copy, make};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Overwrites some bytes in the middle, as a worn disc would.
fn scratch(path: &Path, len: usize) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    let middle = file.metadata().unwrap().len() / 2;
    file.write_all_at(&vec![0x55; len], middle).unwrap();
}

#[test]
fn par2_repairs_a_kit_and_an_image() {
    need("par2", "par2");
    let folder = copy();
    let at = folder.path();
    make(at, "dist-1.0.0 -o kit --par2 1 --iso kit.iso").run().ok();
    cmd("cp").args(["-a", "kit", "whole"]).dir(at).run().ok();
    cmd("sh").args(["kit/verify.sh"]).dir(at).run().ok();
    let par2 = |arguments: &str, below: &str| cmd("par2").args(arguments.split(' ')).dir(at.join(below)).run();
    par2("verify -q -B . recovery/kit.par2", "kit").ok();
    let run = "linux/run/intigua-sample-1.0.0-linux-x86_64.run";
    scratch(&at.join("kit").join(run), 3000);
    fs::remove_file(at.join("kit/index.html")).unwrap();
    let volume = fs::read_dir(at.join("kit/recovery"))
        .unwrap()
        .map(|one| one.unwrap().path())
        .find(|path| path.to_string_lossy().contains(".vol0+"));
    scratch(&volume.unwrap(), 3000);
    cmd("sh").args(["kit/verify.sh"]).dir(at).run().exits(1).says(run);
    par2("repair -q -B . recovery/kit.par2", "kit").ok();
    // par2 keeps what it replaced under another name.
    cmd("sh")
        .args(["-c", "find kit -name '*.1' -delete; cmp whole/$1 kit/$1 && cmp whole/index.html kit/index.html", "sh", run])
        .dir(at)
        .run()
        .ok();
    // The list itself, which that cannot cover, has its own: whatever is left of it, and without the index.
    fs::remove_file(at.join("kit/SHA256SUMS.sig")).unwrap();
    fs::remove_file(at.join("kit/SHA256SUMS.par2")).unwrap();
    scratch(&at.join("kit/SHA256SUMS"), 700);
    cmd("sh")
        .args(["-c", "par2 repair -q SHA256SUMS.vol*.par2 && cmp SHA256SUMS ../whole/SHA256SUMS && rm SHA256SUMS.1"])
        .dir(at.join("kit"))
        .run()
        .ok();
    cmd("cmp").args(["kit/SHA256SUMS.sig", "whole/SHA256SUMS.sig"]).dir(at).run().ok();
    let before = fs::read(at.join("kit.iso")).unwrap();
    scratch(&at.join("kit.iso"), 5000);
    par2("repair -q kit.iso.par2", ".").ok();
    assert!(fs::read(at.join("kit.iso")).unwrap() == before);
    // The same input is the same recovery data.
    make(at, "dist-1.0.0 -o again --par2 1").run().ok();
    cmd("diff").args(["-r", "whole", "again"]).dir(at).run().ok();
    make(at, "dist-1.0.0 -o again --par2 0").run().exits(2);
}
