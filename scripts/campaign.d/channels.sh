# What `linkpack kit -c all` writes, by the tools that it is written for. Sourced by scripts/campaign.
# shellcheck shell=sh

# channels TOP [virt]: TOP is the working copy.
channels() {
	top=$1
	need mmdebstrap debian-archive-keyring python3-venv gnupg openssl
	need_program debug
	cache=$top/target/campaign
	tools=$cache/tools
	mkdir -p "$cache"
	[ -d "$tools/etc" ] || mmdebstrap --mode=root --quiet --variant=apt \
		--include=packer,ignition,cloud-init,openssh-server,buildah,systemd,sudo,procps,iproute2 bookworm "$tools"
	[ -x "$cache/venv/bin/napt" ] || {
		python3 -m venv "$cache/venv"
		"$cache/venv/bin/pip" install --quiet pykickstart==3.78 napt==0.12.0 python-hcl2==8.1.4
	}
	place=$(mktemp -d)
	trap 'rm -rf "$place"' EXIT
	trap 'exit 1' HUP INT TERM
	judged_kit
	judged_readers
	judged_graph
	for tool in packer buildah autoinstall; do judged_in_root "$tool"; done
	[ "${2:-}" != virt ] || judged_virt
}

# A kit with all channels, of the sample and a transform.
judged_kit() {
	"$LINKPACK" init --sample "$place/product" >/dev/null 2>&1
	(
		cd "$place/product" || exit
		mkdir -m 700 gnupg
		export GNUPGHOME="$PWD/gnupg" SOURCE_DATE_EPOCH=1750000000
		gpg --batch --quiet --passphrase '' --faked-system-time 20240101T000000! --quick-gen-key kit@example rsa3072 sign never
		gpg --batch --armor --export-secret-keys >key.sec
		gpgconf --kill all
		openssl ecparam -genkey -name prime256v1 -noout -out key.pem
		printf '%s\n' 'name = "berlin"' 'server-url = "https://core.berlin.example"' >berlin.toml
		"$LINKPACK" build -q --no-cache --key key.pem --openpgp-key key.sec -o dist
		"$LINKPACK" build -q --no-cache -f mst -s berlin.toml -o site
		"$LINKPACK" kit dist site/*.mst -o "$place/kit" --key key.pem --openpgp-key key.sec -c all
	) >/dev/null
	recipes=$place/kit/channels/images
}

judged_readers() {
	for version in RHEL7 RHEL8 RHEL9 RHEL10; do
		"$cache/venv/bin/ksvalidator" -v $version "$recipes/kickstart.ks" >/dev/null || die "ksvalidator refuses kickstart.ks as $version"
	done
	say 'ksvalidator (pykickstart 3.78), RHEL7 to RHEL10: kickstart.ks'
	find "$recipes" -name '*.hcl' -exec "$cache/venv/bin/python" -c 'import hcl2, sys; [hcl2.load(open(path)) for path in sys.argv[1:]]' {} +
	say 'python-hcl2 8.1.4: agent.pkr.hcl, plugins.pkr.hcl'
	"$cache/venv/bin/python" -c 'import pathlib, sys; from napt.upload.intunewin import parse_intunewin; parse_intunewin(pathlib.Path(sys.argv[1]))' \
		"$place/kit/channels/intune/"*.intunewin
	say 'napt 0.12.0 reads the .intunewin'
	chroot "$tools" ignition-validate - <"$recipes/ignition.ign" || die 'ignition-validate refuses ignition.ign'
	say 'ignition-validate 2.14: ignition.ign'
	for file in "$recipes/autoinstall.yaml" "$place/kit/channels/cloud-init/"*.yaml; do
		cp "$file" "$tools/tmp/config.yaml"
		chroot "$tools" cloud-init schema --config-file /tmp/config.yaml >/dev/null || die "cloud-init refuses $file"
	done
	say 'cloud-init schema 22.4: autoinstall.yaml, apt.yaml, dnf.yaml, run.yaml'
}

# The apps against Microsoft's definitions: unknown properties and values are errors of the compiler.
judged_graph() {
	command -v npm >/dev/null || { say "note: npm is not in PATH, so Graph's definitions are not compared"; return; }
	[ -d "$cache/npm/node_modules" ] || npm install --silent --prefix "$cache/npm" @microsoft/microsoft-graph-types@2.43 typescript@5
	for file in "$place/kit/channels/intune/"*.json; do
		{
			printf '%s\n' 'import * as g from "@microsoft/microsoft-graph-types";' 'type T = { "@odata.type": string };' \
				'export const app: Omit<g.Win32LobApp, "rules"> & T & { rules: (g.Win32LobAppRegistryRule & T)[] } ='
			cat "$file"
		} >"$cache/npm/app.ts"
		(cd "$cache/npm" && node_modules/.bin/tsc --noEmit --strict --skipLibCheck app.ts) || die "$file is no win32LobApp"
	done
	say 'typescript 5 and microsoft-graph-types 2.43: each win32LobApp'
}

# judged_in_root packer|buildah|autoinstall: in a copy of the root with the tools that is gone afterwards.
judged_in_root() {
	mkdir -p "$place/inside" "$place/work"
	cp "$top/scripts/campaign.d/channels-inside.sh" "$place/inside"
	# What autoinstall has and this root has not.
	# shellcheck disable=SC2016 # for the shell inside
	{
		printf '%s\n' '#!/bin/sh' 'cp "/srv/kit/${3#http://KIT/}" "$2"' >"$place/inside/wget"
		printf '%s\n' '#!/bin/sh' '[ "$1 $2 $3" = "in-target --target=/target --" ] || exit 9' 'shift 3' 'exec "$@"' >"$place/inside/curtin"
	}
	chmod 755 "$place/inside/wget" "$place/inside/curtin"
	# shellcheck disable=SC2016
	unshare --mount --propagation private --pid --fork --kill-child --net sh -euc '
		mount -t tmpfs -o mode=755 tmpfs "$3"
		mkdir "$3/upper" "$3/work" "$3/root"
		mount -t overlay -o "lowerdir=$1,upperdir=$3/upper,workdir=$3/work" overlay "$3/root"
		cd "$3/root"
		mkdir srv/kit srv/inside
		mount --bind "$2/kit" srv/kit
		mount --bind "$2/inside" srv/inside
		mount -t proc proc proc
		mount --rbind /dev dev
		mount -t tmpfs -o mode=755 run run
		mkdir run/sshd
		exec chroot . env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 sh /srv/inside/channels-inside.sh "$4"' \
		sh "$tools" "$place" "$place/work" "$1" >"$place/said" 2>&1 || { cat "$place/said" >&2; die "$1 failed"; }
	say "$(sed -n 's/^version: //p' "$place/said"): image made, checked and sealed"
}

# On a disk of its own, emulated: a minute and more.
judged_virt() {
	need libguestfs-tools linux-image-cloud-amd64 e2fsprogs
	mke2fs -q -t ext4 -d "$tools/" "$place/disk.img" 3G
	LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg HOME=/root LIBGUESTFS_CACHEDIR=/var/tmp \
		sh "$recipes/virt-customize.sh" "$place/disk.img" INSTALL_ROOT=/opt/agent -- -m 512 --smp 1 >"$place/said" 2>&1 || { cat "$place/said" >&2; die 'virt-customize failed'; }
	debugfs -R 'cat /opt/agent/components/csclient.cfg' "$place/disk.img" 2>/dev/null >"$place/csclient.cfg"
	grep -q serverUrl "$place/csclient.cfg" || die 'the image has no settings'
	! grep -q vlinkCoreId "$place/csclient.cfg" || die 'the image has an identity'
	say "$(virt-customize --version): image made, checked and sealed"
}
