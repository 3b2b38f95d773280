# Tries a release folder, and nothing else, in fresh roots of several systems. Sourced by scripts/campaign.
# shellcheck shell=sh

# release FOLDER [SUITE...]: the packages, the bare binary, and a first product by each.
release() {
	folder=${1:-}
	[ -f "$folder/SHA256SUMS" ] || die "'$folder' is no release folder: it has no SHA256SUMS" 'scripts/release OUT, then scripts/campaign release OUT'
	folder=$(realpath -- "$folder")
	shift
	[ $# -gt 0 ] || set -- xenial bullseye bookworm trixie
	need mmdebstrap debian-archive-keyring rpm busybox-static
	(cd "$folder" && sha256sum --quiet --check SHA256SUMS) || die "SHA256SUMS does not fit $folder" 'make the release anew'
	place=$(mktemp -d)
	trap 'rm -rf "$place"' EXIT
	trap 'exit 1' HUP INT TERM
	for suite in "$@"; do
		say "== $suite"
		release_root "$suite" "$place/$suite"
		cp -R "$folder" "$place/$suite/release"
		release_in "$place/$suite" deb
		release_in "$place/$suite" binary
		release_in "$place/$suite" rpm
		rm -rf "${place:?}/$suite"
	done
	release_bare
}

# release_root SUITE DIR: xenial (glibc 2.23) is the oldest system that a mirror still has.
release_root() {
	case $1 in
	# Its dpkg does not take the order in which mmdebstrap installs.
	xenial | bionic | focal | jammy | noble)
		need debootstrap
		ubuntu_keyring
		debootstrap --variant=minbase --components=main,universe --include=rpm --keyring="$LINKPACK_UBUNTU_KEYRING" "$1" "$2" \
			http://archive.ubuntu.com/ubuntu >"$place/log" || { tail "$place/log" >&2; die "cannot make a root of $1" 'see above'; } ;;
	*) mmdebstrap --mode=root --quiet --variant=apt --include=rpm "$1" "$2" ;;
	esac
}

# release_in ROOT deb|binary|rpm: linkpack by one way of having it makes the sample's packages, which the system's own tools read.
release_in() {
	unshare --mount --pid --fork --kill-child --propagation private sh -euc '
		mount -t proc proc "$1/proc"
		exec chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive sh -euc "$2"' sh "$1" "$(release_script "$2")"
	say "$(basename -- "$1"), $2: works"
}

release_script() {
	case $1 in
	deb) printf '%s\n' 'dpkg -i /release/linkpack_*_amd64.deb >/dev/null' 'dpkg -V linkpack' 'linkpack=linkpack' ;;
	binary) printf '%s\n' 'dpkg -P linkpack >/dev/null' 'linkpack=$(echo /release/linkpack-*-x86_64-linux)' ;;
	# The rpm of a Debian knows of no library: what they ask for is compared with what is there by name.
	rpm) printf '%s\n' 'rpm -qp --requires /release/linkpack-*.x86_64.rpm | sed -n "s/^\(lib[^(]*\).*/\1/p" | sort -u | while read -r name; do ldconfig -p | grep -qF "$name"; done' \
		'rpm -i --nodeps /release/linkpack-*.x86_64.rpm' 'linkpack=/usr/bin/linkpack' ;;
	esac
	printf '%s\n' 'rm -rf /tmp/s && "$linkpack" --version' '"$linkpack" init --sample /tmp/s >/dev/null' 'cd /tmp/s' \
		'"$linkpack" build -q --no-cache -f deb,rpm,run,msi' '"$linkpack" verify dist >/dev/null' 'dpkg-deb --info dist/*.deb >/dev/null' \
		'rpm -qp --quiet dist/*.rpm' 'sh dist/*.run --check' 'dpkg -i dist/*.deb && /usr/local/intigua/vAgentManager/vlink --version && dpkg -P intigua-sample >/dev/null'
	[ "$1" != rpm ] || printf '%s\n' 'rpm -e linkpack' '! command -v linkpack'
	[ "$1" = rpm ] || printf '%s\n' 'test ! -e /usr/bin/linkpack || test -s /usr/share/man/man1/linkpack.1.gz'
}

# With busybox and a C library, and nothing else of a system.
release_bare() {
	say "== busybox, the loader and the libraries that the binary names"
	mkdir -p "$place/bare/bin" "$place/bare/tmp" "$place/bare/dev"
	mknod -m 666 "$place/bare/dev/null" c 1 3
	mknod -m 666 "$place/bare/dev/urandom" c 1 9
	cp /bin/busybox "$place/bare/bin/"
	program=$(echo "$folder"/linkpack-*-x86_64-linux)
	cp "$program" "$place/bare/bin/linkpack"
	for library in $(ldd "$program" | grep -o '/[^ ]*'); do
		mkdir -p "$place/bare/$(dirname -- "$library")"
		cp -L "$library" "$place/bare/$library"
	done
	# shellcheck disable=SC2016 # for the shell inside
	chroot "$place/bare" /bin/busybox env -i PATH=/bin HOME=/ /bin/busybox sh -euc '
		linkpack init --sample /tmp/s >/dev/null 2>&1
		cd /tmp/s && linkpack build -q --no-cache -f deb,rpm,run && linkpack verify dist && /tmp/s/connector/vlink --version'
	say 'busybox: works'
}
