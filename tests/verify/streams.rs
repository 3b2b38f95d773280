//! Compressed archives of several streams, and with something behind them: judged as dpkg and rpm judge them.
use super::makers::{cpio, header_of, Maker};
use crate::common::{cmd, need};
use crate::linkpack;
use std::fs;
use std::io::Write;
use std::path::Path;

const CODECS: [&str; 5] = ["gz", "xz", "zst", "bz2", "lzma"];

fn packed(codec: &str, plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let written = match codec {
        "gz" => flate2::write::GzEncoder::new(&mut out, flate2::Compression::fast()).write_all(plain),
        "xz" => liblzma::write::XzEncoder::new(&mut out, 0).write_all(plain),
        "lzma" => {
            let options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
            let encoder = liblzma::stream::Stream::new_lzma_encoder(&options).unwrap();
            liblzma::write::XzEncoder::new_stream(&mut out, encoder).write_all(plain)
        }
        "bz2" => bzip2::write::BzEncoder::new(&mut out, bzip2::Compression::fast()).write_all(plain),
        _ => return zstd::encode_all(plain, 1).unwrap(),
    };
    written.unwrap();
    out
}

/// What a stream may be like, and how it is called.
fn kinds(codec: &str, plain: &[u8], cut: usize) -> Vec<(&'static str, Vec<u8>)> {
    let whole = packed(codec, plain);
    let halves = [packed(codec, &plain[..cut]), packed(codec, &plain[cut..])].concat();
    vec![
        ("whole", whole.clone()),
        ("two", halves),
        ("garbage", [&whole[..], b"garbage, and more of it"].concat()),
        ("zeros", [&whole[..], &[0; 64]].concat()),
        ("cut", whole[..whole.len() - 3].to_vec()),
    ]
}

fn deb(folder: &Path, codec: &str, data: &[u8]) {
    let control = fs::read(folder.join("control.tar.gz")).unwrap();
    let members = [("debian-binary", &b"2.0\n"[..]), ("control.tar.gz", &control), (&format!("data.tar.{codec}"), data)];
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, member) in members {
        bytes.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, member.len()).bytes());
        bytes.extend(member);
        bytes.resize(bytes.len().next_multiple_of(2), b'\n');
    }
    fs::write(folder.join("a.deb"), bytes).unwrap();
}

#[test]
fn what_follows_a_debs_stream_is_judged_as_dpkg_judges_it() {
    need("dpkg-deb", "dpkg");
    let folder = tempfile::tempdir().unwrap();
    let script = "printf 'Package: a\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@e.x>\\nDescription: a\\n' >control; mkdir -p opt; \
                  head -c 20000 /dev/urandom >opt/a; tar --format=gnu --owner=0 --group=0 -czf control.tar.gz ./control; \
                  tar --format=gnu --owner=0 --group=0 -cf data.tar ./opt";
    cmd("sh").args(["-euc", script]).dir(folder.path()).run().ok();
    let data = fs::read(folder.path().join("data.tar")).unwrap();
    for codec in CODECS {
        for (kind, bytes) in kinds(codec, &data, 10_000) {
            deb(folder.path(), codec, &bytes);
            let dpkg = cmd("sh").args(["-c", "rm -rf out; dpkg-deb -x a.deb out"]).dir(folder.path()).run();
            let verified = linkpack().args(["verify", "a.deb"]).dir(folder.path()).run();
            assert_eq!(dpkg.code == Some(0), verified.code == Some(0), "{codec}, {kind}: {dpkg} {verified}");
            let follows = matches!(kind, "garbage" | "zeros");
            assert_eq!(verified.stdout.contains("dpkg does not read them"), follows, "{codec}, {kind}: {verified}");
        }
        // dpkg takes the first stream and says nothing: half of the files would be lost.
        let twice = packed(codec, &data).repeat(2);
        deb(folder.path(), codec, &twice);
        let verified = linkpack().args(["verify", "a.deb"]).dir(folder.path()).run();
        match codec {
            "gz" => verified.ok(),
            _ => verified.exits(1).says("another compressed stream"),
        };
    }
    let frame = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"skip"].concat();
    deb(folder.path(), "zst", &[frame, packed("zst", &data)].concat());
    cmd("dpkg-deb").args(["-x", "a.deb", "out"]).dir(folder.path()).run().fails();
    linkpack().args(["verify", "a.deb"]).dir(folder.path()).run().exits(1).says("a frame to skip, which dpkg does not know");
    deb(folder.path(), "gz", &data);
    cmd("dpkg-deb").args(["-x", "a.deb", "out"]).dir(folder.path()).run().ok();
    linkpack().args(["verify", "a.deb"]).dir(folder.path()).run().ok();
    // Without tar's end marker, but as long as ar says.
    let end = data.iter().rposition(|&byte| byte != 0).unwrap().next_multiple_of(512);
    deb(folder.path(), "gz", &data[..end]);
    cmd("dpkg-deb").args(["-x", "a.deb", "out"]).dir(folder.path()).run().ok();
    linkpack().args(["verify", "a.deb"]).dir(folder.path()).run().ok();
}

#[test]
fn what_follows_an_rpms_stream_is_judged_as_rpm_judges_it() {
    need("rpm2cpio", "rpm");
    need("cpio", "cpio");
    let folder = tempfile::tempdir().unwrap();
    let takes = |path: &Path| cmd("sh").args(["-c", "rpm2cpio \"$1\" | cpio -t --quiet", "sh"]).arg(path).run().code == Some(0);
    let plain = cpio();
    for (codec, name) in CODECS.into_iter().zip(["gzip", "xz", "zstd", "bzip2", "lzma"]) {
        let main = header_of(name, true, &[]);
        for (kind, payload) in kinds(codec, &plain, 60) {
            // rpm does not read to the end of the compressed stream, and linkpack compares its checksum.
            let cut = kind == "cut";
            // rpm2cpio asks for more than there is, and stumbles over what follows; rpm -U does not, and installs it (tried with rpm 4.18).
            let installs = name == "zstd" && matches!(kind, "garbage" | "zeros");
            let path = Maker { main: main.clone(), payload, ..Maker::new() }.write(folder.path());
            let verified = linkpack().arg("verify").arg(&path).run();
            assert_eq!((installs || takes(&path)) && !cut, verified.code == Some(0), "{name}, {kind}: {verified}");
        }
        // The header says how it is compressed, whatever the bytes look like.
        for other in ["gz", "xz", "zst", "bz2"] {
            let path = Maker { main: main.clone(), payload: packed(other, &plain), ..Maker::new() }.write(folder.path());
            let verified = linkpack().arg("verify").arg(&path).run();
            assert_eq!(takes(&path), verified.code == Some(0), "{name}, and it is {other}: {verified}");
        }
    }
}
