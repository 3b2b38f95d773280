//! The same tree packaged by rpmbuild, and every tag of both headers compared.

use crate::fixture::{self, product, Product, BUILD_TIME, PREFIX};
use ::rpm::{IndexData, IndexSignatureTag as Sig, IndexTag as Tag, PackageMetadata};
use linkpack::compress::Codec;
use linkpack::format::rpm::{Ghost, GhostKind};
use linkpack::payload::{Entry, Kind, Tree};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The tags of the header whose values differ from rpmbuild's, or that one of both does not have.
const HEADER_DIFFERENCES: &[(Tag, &str)] = &[
    (Tag::RPMTAG_RPMVERSION, "names the builder: linkpack's name and version against rpm's"),
    (Tag::RPMTAG_FILECOLORS, "not written: only rpm's multilib conflict resolution reads it, and all our files are of one architecture"),
    (Tag::RPMTAG_FILECLASS, "not written: libmagic's guess for each file, for display only"),
    (Tag::RPMTAG_CLASSDICT, "not written: the dictionary of FILECLASS"),
    (Tag::RPMTAG_PAYLOADSHA256, "the same archive is compressed in pieces, to other bytes"),
    (
        Tag::RPMTAG_PAYLOADSHA256ALT,
        "not written: an alternative to PAYLOADSHA256 for tools that recompress payloads; it would cost reading all content again",
    ),
];

/// As above, for the signature header.
const SIGNATURE_DIFFERENCES: &[(Sig, &str)] = &[
    (Sig::RPMSIGTAG_SHA256, "the headers differ"),
    (Sig::RPMSIGTAG_SHA1, "not written: FIPS mode refuses SHA-1, and SHA-256 covers the same bytes"),
    (Sig::RPMSIGTAG_MD5, "not written: FIPS mode refuses MD5, and the SHA-256s of header and payload cover the same bytes"),
    (Sig::RPMSIGTAG_SIZE, "the compressed payload and the header have other lengths"),
    (Sig::RPMSIGTAG_RESERVEDSPACE, "fills the signature header to a fixed length, which is ours"),
];

#[test]
fn every_header_tag_equals_rpmbuild_s_but_for_the_listed_differences() {
    for codec in [Codec::Gzip, Codec::Xz] {
        let folder = tempfile::tempdir().unwrap();
        let product = with_odd_names(Product { codec, ..product() });
        let ours = PackageMetadata::open(product.package(folder.path(), "ours.rpm")).unwrap();
        let theirs = PackageMetadata::open(rpmbuild(&product, folder.path())).unwrap();
        let listed = HEADER_DIFFERENCES.iter().map(|&(tag, why)| (tag as u32, why)).collect();
        compare(ours.header.get_all_entries().unwrap(), theirs.header.get_all_entries().unwrap(), listed);
        let listed = SIGNATURE_DIFFERENCES.iter().map(|&(tag, why)| (tag as u32, why)).collect();
        compare(ours.signature.get_all_entries().unwrap(), theirs.signature.get_all_entries().unwrap(), listed);
    }
}

#[test]
fn the_payload_is_rpmbuild_s_to_the_byte_once_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let product = with_odd_names(product());
    let ours = product.package(folder.path(), "ours.rpm");
    let theirs = rpmbuild(&product, folder.path());
    let unpack = |package: &Path| fixture::run("rpm2cpio", "rpm2cpio", &[package.to_str().unwrap()]).stdout;
    let archive = unpack(&ours);
    assert!(archive.len() > 5 << 20);
    assert!(archive == unpack(&theirs));
}

fn with_odd_names(mut product: Product) -> Product {
    product.entries.push(fixture::file("Intigua-Libs/pulse/with space", "w", 0o644));
    product.entries.push(fixture::file("Intigua-Libs/pulse/\u{fc}ml", "u", 0o644));
    product
}

/// Fails on a difference that is not listed, and on one that is listed and none.
fn compare(ours: Vec<(u32, IndexData)>, theirs: Vec<(u32, IndexData)>, listed: BTreeMap<u32, &str>) {
    let regions = [Tag::RPMTAG_HEADERIMMUTABLE as u32, Tag::RPMTAG_HEADERSIGNATURES as u32];
    let map = |entries: Vec<(u32, IndexData)>| -> BTreeMap<u32, IndexData> {
        entries.into_iter().filter(|(tag, _)| !regions.contains(tag)).collect()
    };
    let (ours, theirs) = (map(ours), map(theirs));
    assert!(!ours.is_empty() && !theirs.is_empty());
    let mut wrong = Vec::new();
    for tag in ours.keys().chain(theirs.keys()) {
        let (us, them) = (ours.get(tag), theirs.get(tag));
        match (us == them, listed.contains_key(tag)) {
            (false, false) => wrong.push(format!("{tag}: ours {us:?}, rpmbuild's {them:?}")),
            (true, true) => wrong.push(format!("{tag} is listed as a difference and is none")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// rpmbuild's package of the same product.
fn rpmbuild(product: &Product, folder: &Path) -> PathBuf {
    let root = folder.join("buildroot");
    let mut list = String::new();
    fs::create_dir_all(inside(&root, PREFIX)).unwrap();
    list += &format!("%dir %attr(0755,root,root) \"{PREFIX}\"\n");
    let tree = Tree::new(product.entries.clone()).unwrap();
    tree.entries().iter().for_each(|entry| list += &lay_out(&root, entry, product.capabilities.get(&entry.path)));
    // After all is made, as making a file changes its directory's time.
    tree.entries().iter().for_each(|entry| touch(&in_prefix(&root, entry), entry.mtime));
    product.ghosts.iter().for_each(|ghost| list += &lay_out_ghost(&root, ghost));
    let spec = folder.join("oracle.spec");
    fs::write(&spec, spec_text(product, &list, folder)).unwrap();
    let root = root.to_str().unwrap();
    let args = ["-bb", "--target", "x86_64-linux", "--buildroot", root, spec.to_str().unwrap()];
    let mut command = Command::new("rpmbuild");
    command.args(args).env("SOURCE_DATE_EPOCH", BUILD_TIME.to_string()).env("LC_ALL", "C.UTF-8");
    let output = command.output().unwrap_or_else(|error| panic!("cannot run rpmbuild: {error}; apt-get install rpm"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder.join("top/RPMS/oracle.rpm")
}

fn inside(root: &Path, absolute: &str) -> PathBuf {
    root.join(absolute.trim_start_matches('/'))
}

fn in_prefix(root: &Path, entry: &Entry) -> PathBuf {
    inside(root, PREFIX).join(std::ffi::OsStr::from_bytes(entry.path.as_bytes()))
}

fn touch(path: &Path, seconds: i64) {
    fixture::succeed("touch", "coreutils", &["-h", "-d", &format!("@{seconds}"), path.to_str().unwrap()]);
}

/// Makes the entry below `root`; gives its line in `%files`.
fn lay_out(root: &Path, entry: &Entry, capabilities: Option<&String>) -> String {
    let place = in_prefix(root, entry);
    let path = format!("{PREFIX}/{}", std::str::from_utf8(entry.path.as_bytes()).unwrap());
    let mode = entry.mode;
    match &entry.kind {
        Kind::Directory => {
            fs::create_dir_all(&place).unwrap();
            format!("%dir %attr({mode:04o},root,root) \"{path}\"\n")
        }
        Kind::Symlink(target) => {
            symlink(std::str::from_utf8(target).unwrap(), &place).unwrap();
            format!("\"{path}\"\n")
        }
        Kind::File(content) => {
            let mut bytes = vec![0; content.len() as usize];
            let count = content.open().unwrap().read_block(&mut bytes).unwrap();
            assert_eq!(count, bytes.len());
            fs::write(&place, bytes).unwrap();
            fs::set_permissions(&place, fs::Permissions::from_mode(mode)).unwrap();
            let config = if entry.config { "%config(noreplace) " } else { "" };
            let caps = capabilities.map(|text| format!("%caps({text}) ")).unwrap_or_default();
            format!("{config}{caps}%attr({mode:04o},root,root) \"{path}\"\n")
        }
    }
}

fn lay_out_ghost(root: &Path, ghost: &Ghost) -> String {
    let place = inside(root, &ghost.path);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    let attributes = match &ghost.kind {
        GhostKind::File { mode } => {
            fs::write(&place, "").unwrap();
            format!("%attr({mode:04o},root,root)")
        }
        GhostKind::Directory { mode } => {
            fs::create_dir_all(&place).unwrap();
            format!("%dir %attr({mode:04o},root,root)")
        }
        GhostKind::Link { target } => {
            symlink(target, &place).unwrap();
            String::new()
        }
    };
    format!("%ghost %verify(not md5 size link user group mtime mode rdev caps) {attributes} \"{}\"\n", ghost.path)
}

fn spec_text(product: &Product, files: &str, folder: &Path) -> String {
    let top = folder.join("top");
    let codec = if product.codec == Codec::Gzip { "w6.gzdio" } else { "w6.xzdio" };
    let script = |name: &str, script: &Option<String>| match script {
        Some(script) => format!("%{name}\n{}\n", script.replace('%', "%%")),
        None => String::new(),
    };
    let scripts = &product.scriptlets;
    let scripts = [
        script("pre", &scripts.pre),
        script("post", &scripts.post),
        script("preun", &scripts.preun),
        script("postun", &scripts.postun),
        script("posttrans", &scripts.posttrans),
    ];
    format!(
        "%global _topdir {top}\n%global _dbpath {top}/db\n%global _tmppath {top}\n%global _rpmfilename oracle.rpm\n\
         %global _buildhost linkpack\n%global use_source_date_epoch_as_buildtime 1\n%global clamp_mtime_to_source_date_epoch 1\n\
         %global _binary_payload {codec}\n%global _binary_filedigest_algorithm 8\n%global optflags %{{nil}}\n\
         %global _target_platform x86_64-linux\n%global debug_package %{{nil}}\n%global __os_install_post %{{nil}}\n\
         %global _build_id_links none\n\
         Name: acme-link\nVersion: {version}\nRelease: 1\nSummary: Connector and managed agent containers\nLicense: Apache-2.0\n\
         URL: https://acme.example/link\nGroup: System Environment/Daemons\nVendor: Acme\nPackager: Acme <support@acme.example>\nPrefix: {PREFIX}\nAutoReqProv: no\n\
         Requires: {requires}\nRequires({moments}): coreutils findutils gawk grep sed util-linux\n\
         OrderWithRequires({moments}): /usr/sbin/useradd systemd\nProvides: acme-connector = 7\nConflicts: other-link\nObsoletes: old-link < 1.0\n\
         %description\nThe connector runs the containers.\n\nIt needs nothing else.\n\n{scripts}%files\n{files}",
        top = top.display(),
        version = product.version,
        requires = product.requires.join(", "),
        moments = "pre,post,preun,postun,posttrans",
        scripts = scripts.concat(),
    )
}
