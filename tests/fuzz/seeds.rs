//! Small real packages, made by the tools that everyone uses, once.
use super::*;
use std::fs;
use std::path::Path;

/// Makes a file of each kind in the folder it runs in; a target's seeds are the files of its name.
const RECIPE: &str = r#"
mkdir -p tree/bin tree/etc/deep/er tree/empty tree/DEBIAN
printf '#!/bin/sh\necho tool\n' >tree/bin/tool
chmod 755 tree tree/DEBIAN tree/bin/tool
echo port=1 >tree/etc/agent.conf
head -c 3000 /dev/zero | tr '\0' z >tree/etc/deep/er/long
ln tree/bin/tool tree/bin/same
ln -s ../bin/tool tree/etc/link
ln -s nowhere 'tree/a name with "quotes"'
truncate -s 300k tree/sparse
echo middle | dd of=tree/sparse bs=1 seek=150000 conv=notrunc status=none
long=tree/$(printf 'l%.0s' $(seq 120))
echo long >"$long"
printf 'Package: agent\nVersion: 1:1.0-1\nArchitecture: all\nMaintainer: m <m@e.x>\nDescription: d\n more\n' >tree/DEBIAN/control
echo /etc/agent.conf >tree/DEBIAN/conffiles
cd tree
for format in gnu posix ustar v7; do
	tar --format=$format --exclude=DEBIAN --sort=name -cf ../tar.$format . 2>/dev/null || tar --format=$format --exclude=DEBIAN --exclude='lll*' -cf ../tar.$format .
done
tar -S --format=gnu -cf ../tar.sparse-gnu sparse bin
for version in 0.0 0.1 1.0; do tar -S --format=posix --sparse-version=$version -cf ../tar.sparse-$version sparse bin; done
gzip -k9 ../tar.gnu; xz -k ../tar.posix; zstd -qk ../tar.ustar
zip -qry ../zip.plain . -x 'DEBIAN/*'; zip -qry -0 ../zip.stored bin etc; zip -qr -fz ../zip.64 bin; printf secret | zip -q -P x ../zip.locked - 2>/dev/null || :
for name in plain stored 64 locked; do [ ! -f ../zip.$name.zip ] || mv ../zip.$name.zip ../zip.$name; done
cd ..
for codec in none gzip xz; do dpkg-deb --root-owner-group -Z$codec -b tree deb.$codec >/dev/null; done
cat >agent.spec <<'SPEC'
Name: agent
Version: 1
Release: 1
Summary: s
License: l
BuildArch: noarch
%description
d
%install
mkdir -p %{buildroot}/opt/agent
cp -a TREE/bin TREE/etc %{buildroot}/opt/agent/
%files
%config(noreplace) /opt/agent/etc/agent.conf
/opt/agent
SPEC
sed -i "s|TREE|$PWD/tree|g" agent.spec
for payload in w.ufdio w9.gzdio w2.xzdio w3.zstdio; do
	rpmbuild -bb --quiet --define "_topdir $PWD/top" --define "_binary_payload $payload" agent.spec >/dev/null 2>&1
	mv top/RPMS/noarch/*.rpm rpm.$payload
done
cat >x.wxs <<'WXS'
<?xml version="1.0"?><Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
<Product Id="*" Name="a" Version="1.0.0" Manufacturer="m" Language="1033" UpgradeCode="6F1C7A52-94D3-4E0B-8A55-3C2E9D1077B1">
<Package InstallerVersion="500" Compressed="yes"/><Media Id="1" Cabinet="a.cab" EmbedCab="yes"/>
<Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="D" Name="d"><Component Id="C" Guid="6F1C7A52-94D3-4E0B-8A55-3C2E9D1077B2">
<File Id="F" Source="tree/etc/agent.conf"/><File Id="G" Source="tree/etc/deep/er/long"/></Component></Directory></Directory>
<Feature Id="A" Level="1"><ComponentRef Id="C"/></Feature></Product></Wix>
WXS
wixl -o msi.wixl x.wxs
rm tree/lll*
for codec in gzip xz; do makeself --$codec --nox11 --sha256 tree run.makeself-$codec label ./bin/tool >/dev/null 2>&1; done
mkdir -p product/connector
cp tree/bin/tool product/connector/vlink
cp -r tree/etc product/connector/
cat >product/linkpack.toml <<'TOML'
[product]
name = "agent"
title = "Agent"
version = "1"
publisher = "p"
contact = "p <p@e.x>"
license = "MIT"
description = "d"
[connector]
executable = { linux = "vlink" }
payload = { linux-x86_64 = "connector" }
TOML
for codec in fast small; do
	"$LINKPACK" build -q --no-cache --no-sbom --codec $codec -m product/linkpack.toml -o dist
	mv dist/*.run run.$codec; mv dist/*.deb deb.ours-$codec; mv dist/*.rpm rpm.ours-$codec
done
rm -rf tree top product dist
"#;

const MANIFEST: &str = include_str!("../../templates/manifest/linkpack.toml");
const SAMPLE: &str = include_str!("../../templates/manifest/sample.toml");
const SITE: &str = include_str!("../../templates/manifest/example-site.toml");

/// The seeds of a target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let text = |text: &str| text.as_bytes().to_vec();
    match target {
        "manifest" => vec![text(MANIFEST), text(SAMPLE)],
        "site" => vec![text(&format!("{SAMPLE}\n#site\n{SITE}"))],
        _ => made(target),
    }
}

fn made(target: &str) -> Vec<Vec<u8>> {
    let folder = fixture("fuzz-seeds", RECIPE, make);
    let mut names: Vec<_> = fs::read_dir(folder).expect("read the seeds").map(|entry| entry.expect("an entry").path()).collect();
    names.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{target}."))));
    names.sort();
    assert!(!names.is_empty(), "no seeds of {target}");
    names.iter().map(|path| fs::read(path).expect("read a seed")).collect()
}

fn make(folder: &Path) {
    for (tool, package) in
        [("zip", "zip"), ("rpmbuild", "rpm"), ("wixl", "wixl"), ("makeself", "makeself"), ("zstd", "zstd"), ("xz", "xz-utils")]
    {
        need(tool, package);
    }
    cmd("sh").env("LINKPACK", env!("CARGO_BIN_EXE_linkpack")).args(["-euc", RECIPE]).dir(folder).run().ok();
}
