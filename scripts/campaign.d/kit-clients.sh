# The clients of a kit that are too many or too new for the tests: apt and dnf5 of other Debians, each in a root of its own.
# Sourced by scripts/campaign. shellcheck shell=sh

# kit_clients SUITE...: apt over file: and http, dnf5 over file:, with what has to be refused.
kit_clients() {
	need mmdebstrap gnupg openssl rpm
	need_program debug
	place=$(mktemp -d)
	server=
	trap 'clients_end' EXIT
	trap 'exit 1' HUP INT TERM
	tried=0
	wrong=0
	clients_kits
	for suite in "$@"; do
		clients_root "$suite"
		clients_apt
		clients_dnf
	done
	say "kit-clients: $tried tried, $wrong wrong"
	[ $wrong -eq 0 ] || die "$wrong of $tried went otherwise than they should" "see above"
}

clients_end() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || :
	clients_down
	rm -rf --one-file-system "$place"
}

clients_down() { while mountpoint -q "$place/root" 2>/dev/null; do umount -lR "$place/root"; done; }

# Keys; the sample in two versions; kits of the first, of both, of another key; and what was changed.
clients_kits() {
	export SOURCE_DATE_EPOCH=1750000000
	(
		cd "$place"
		umask 077
		mkdir gnupg
		export GNUPGHOME="$place/gnupg"
		for name in rsa other; do
			gpg --batch --quiet --passphrase '' --faked-system-time 20240101T000000! --quick-gen-key $name@example rsa3072 sign never 2>/dev/null
			gpg --batch --armor --export-secret-keys $name@example >$name.sec
		done
		gpg --armor --export other@example >other.asc
		gpgconf --kill all
		openssl ecparam -genkey -name prime256v1 -noout -out key.pem
		umask 022
		"$LINKPACK" init --sample demo >/dev/null 2>&1
		for version in 1.0.0 1.1.0; do
			sed -i "0,/^version = /s/^version = .*/version = \"$version\"/" demo/linkpack.toml
			for key in rsa other; do
				"$LINKPACK" build -q --no-cache -f deb,rpm --key key.pem --openpgp-key $key.sec -m demo/linkpack.toml -o $key-$version
			done
		done
		"$LINKPACK" kit -q rsa-1.0.0 -o kit --key key.pem --openpgp-key rsa.sec
		"$LINKPACK" kit -q rsa-1.0.0 rsa-1.1.0 -o both --key key.pem --openpgp-key rsa.sec
		"$LINKPACK" kit -q other-1.0.0 -o other --key key.pem --openpgp-key other.sec
		for name in stranger packages inrelease repomd; do cp -a kit $name; done
		# Another key's repositories behind the right key's source.
		rm -r stranger/linux/apt/dists stranger/linux/apt/pool stranger/linux/rpm/repodata stranger/linux/rpm/Packages
		cp -a other/linux/apt/dists other/linux/apt/pool stranger/linux/apt/
		cp -a other/linux/rpm/repodata other/linux/rpm/Packages stranger/linux/rpm/
		cp kit/linux/rpm/repodata/repomd.xml.key stranger/linux/rpm/repodata/
		find packages/linux/apt/dists -path '*binary-*' -type f -exec sh -c 'printf "\nPackage: evil\n" >>"$1"' sh {} \;
		sed -i 's/^Components: main$/Components: evil/' inrelease/linux/apt/dists/stable/InRelease
		sed -i 's,<revision>1,<revision>2,' repomd/linux/rpm/repodata/repomd.xml
	)
	clients_shell
}

# What Debian's rpm does not know to be there.
clients_shell() {
	offered=$(printf '%s\n' /lib/x86_64-linux-gnu/libc.so.6 /lib/x86_64-linux-gnu/libm.so.6 /lib/x86_64-linux-gnu/libgcc_s.so.1 /lib64/ld-linux-x86-64.so.2 |
		/usr/lib/rpm/elfdeps --provides | grep . | tr '\n' ' ')
	printf '%s\n' 'Name: shell' 'Version: 1' 'Release: 1' 'Summary: the shell that is there' 'License: none' 'BuildArch: noarch' \
		"Provides: /bin/sh coreutils findutils gawk grep sed util-linux rtld(GNU_HASH) $offered" '%description' '%files' >"$place/shell.spec"
	rpmbuild -bb --quiet -D "_topdir $place/rpm" -D "_rpmdir $place" "$place/shell.spec"
}

# clients_root SUITE: a copy of a minimal root, alive as far as packages ask for it.
clients_root() {
	base=$top/target/campaign/clients-$1
	mkdir -p "$top/target/campaign"
	# An older day's mirror says so of itself.
	[ -f "$base/etc/linkpack" ] || {
		rm -rf "$base"
		mmdebstrap --mode=root --quiet --variant=apt '--aptopt=Acquire::Check-Valid-Until "false"' --include=dnf5,rpm,openssl "$1" "$base" http://deb.debian.org/debian
		rm -f "$base/etc/apt/sources.list" "$base"/etc/apt/sources.list.d/*
		echo "$1" >"$base/etc/linkpack"
	}
	clients_down
	rm -rf --one-file-system "$place/root"
	cp -a "$base" "$place/root"
	# rpm 6 gives scriptlets a mount namespace of their own, for which / has to be a mount point.
	mount --bind "$place/root" "$place/root"
	mount --make-private "$place/root"
	mount -t proc proc "$place/root/proc"
	cp "$place/noarch/shell-1-1.noarch.rpm" "$place/other.asc" "$place/root/root/"
	inside rpm -i /root/shell-1-1.noarch.rpm
	# Debian's dnf5 comes with this plugin on, and without the createrepo_c that it calls: each command would fail after its work.
	rm -f "$place/root/etc/dnf/libdnf5-plugins/local.conf"
	# shellcheck disable=SC2016 # dpkg-query's own format
	say "== $1: $(inside dpkg-query -W -f='${Package} ${Version}, ' apt gpgv sqv dnf5 rpm 2>/dev/null)"
}

inside() { chroot "$place/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }

# carry KIT: it lies in a folder with a space in its name.
carry() {
	rm -rf "$place/root/media/the kit"
	cp -a "$place/$1" "$place/root/media/the kit"
}

# right WHAT COMMAND...: it has to succeed. refused WHAT COMMAND...: it has to fail, and nothing may be installed.
right() {
	what=$1
	shift
	tried=$((tried + 1))
	if "$@" >"$place/said" 2>&1; then
		say "ok    $what"
	else
		wrong=$((wrong + 1))
		say "WRONG $what"
		tail -n 20 "$place/said" >&2
	fi
}
refused() {
	what=$1
	shift
	tried=$((tried + 1))
	if "$@" >"$place/said" 2>&1 || [ -e "$place/root/usr/local/intigua" ]; then
		wrong=$((wrong + 1))
		say "WRONG $what: it was taken"
		tail -n 20 "$place/said" >&2
	else
		say "ok    $what: $(grep -iE 'error|^E:|^W:|fail|signature|mismatch|invalid' "$place/said" | head -n 1 | cut -c1-150)"
	fi
}

version_is() { # dpkg|rpm VERSION
	# shellcheck disable=SC2016 # dpkg-query's own format
	case $1 in
	dpkg) [ "$(inside dpkg-query -W -f='${Version}' intigua-sample)" = "$2" ] ;;
	rpm) [ "$(inside rpm -q --qf '%{VERSION}' intigua-sample)" = "$2" ] ;;
	esac
}

clients_apt() {
	once="sh '/media/the kit/linux/apt/use-apt.sh' --once"
	for name in stranger packages inrelease; do
		carry $name
		refused "apt, $name" inside sh -c "$once"
	done
	carry kit
	right "apt installs once over file:" inside sh -c "$once"
	right "apt installed 1.0.0" version_is dpkg 1.0.0
	carry both
	right "apt takes the source" inside sh -c "sh '/media/the kit/linux/apt/use-apt.sh'"
	inside sh -c "printf 'Package: *\nPin: release l=intigua-sample\nPin-Priority: 900\n' >/etc/apt/preferences.d/pin"
	right "apt pins by the label" inside sh -c "apt-cache policy intigua-sample | grep -q '^  *900 file:'"
	right "apt upgrades" inside apt-get -y upgrade
	right "apt installed 1.1.0" version_is dpkg 1.1.0
	inside sh -c "rm /etc/apt/sources.list.d/* /etc/apt/preferences.d/pin; apt-get update; dpkg --purge intigua-sample" >/dev/null 2>&1
	serve_kit kit
	inside sh -c "sed 's,^URIs:.*,URIs: http://$address/linux/apt,' '/media/the kit/linux/apt/intigua-sample.sources' >/etc/apt/sources.list.d/a.sources"
	right "apt reads lists over http" inside apt-get -o APT::Update::Error-Mode=any update
	right "apt installs over http" inside apt-get -y install intigua-sample
	inside sh -c "dpkg --purge intigua-sample; rm /etc/apt/sources.list.d/a.sources" >/dev/null 2>&1
	for name in stranger packages inrelease; do
		serve_kit $name
		inside sh -c "rm -rf /var/lib/apt/lists/*; sed 's,^URIs:.*,URIs: http://$address/linux/apt,' '/media/the kit/linux/apt/intigua-sample.sources' >/etc/apt/sources.list.d/a.sources"
		refused "apt over http, $name" inside sh -c "apt-get -o APT::Update::Error-Mode=any update && apt-get -y install intigua-sample"
	done
	inside rm /etc/apt/sources.list.d/a.sources
}

# serve_kit KIT: linkpack serves it at the address; what was changed has to be served as well, so a plain server takes that.
serve_kit() {
	[ -z "$server" ] || { kill "$server"; wait "$server" 2>/dev/null || :; }
	if [ "$1" = kit ]; then
		: >"$place/serve"
		"$LINKPACK" kit serve "$place/kit" --listen 127.0.0.1:0 >"$place/serve" 2>&1 &
		server=$!
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			address=$(grep -oE '127\.0\.0\.1:[0-9]+' "$place/serve" | head -n 1)
			[ -z "$address" ] || return 0
			sleep 1
		done
		die "linkpack kit serve does not say where it listens" "$(cat "$place/serve")"
	fi
	address=127.0.0.1:8765
	python3 -m http.server 8765 --bind 127.0.0.1 --directory "$place/$1" >/dev/null 2>&1 &
	server=$!
	sleep 2
}

clients_dnf() {
	once="sh '/media/the kit/linux/rpm/use-rpm.sh' --once"
	for name in stranger repomd; do
		carry $name
		refused "dnf5, $name" inside sh -c "$once"
	done
	carry kit
	right "dnf5 installs once over file:" inside sh -c "$once"
	right "dnf5 installed 1.0.0" version_is rpm 1.0.0
	carry both
	right "dnf5 takes the repository" inside sh -c "sh '/media/the kit/linux/rpm/use-rpm.sh'"
	right "dnf5 upgrades" inside dnf5 -y upgrade
	right "dnf5 installed 1.1.0" version_is rpm 1.1.0
	right "dnf5 removes" inside dnf5 -y remove intigua-sample
	inside sh -c 'rm -rf /usr/local/intigua /var/lib/intigua /var/log/intigua /var/cache/libdnf5' >/dev/null 2>&1
	right "dnf5 keeps to a version that is asked for" inside dnf5 -y install intigua-sample-1.0.0
	right "dnf5 installed 1.0.0 by name" version_is rpm 1.0.0
	inside dnf5 -y remove intigua-sample >/dev/null 2>&1
	inside sh -c 'rm -rf /usr/local/intigua /var/lib/intigua /var/log/intigua /var/cache/libdnf5 /etc/yum.repos.d/*'
	inside mkdir -p /etc/yum.repos.d
	# The right repository, and a key that did not sign it.
	inside sh -c "sed 's,file:///mnt,file:///media/the%20kit,; s,^gpgkey=.*,gpgkey=file:///root/other.asc,' '/media/the kit/linux/rpm/intigua-sample.repo' >/etc/yum.repos.d/a.repo"
	inside sh -c 'rpm -qa "gpg-pubkey*" | xargs -r rpm -e' >/dev/null 2>&1
	refused "dnf5, another gpgkey" inside dnf5 -y install intigua-sample
}
