#!/bin/sh
# sh use-apt.sh [--once [PACKAGE...]]
# Makes apt install from this kit, wherever it lies. Check the kit first: sh verify.sh --fingerprint HEX
#   without --once   writes /etc/apt/sources.list.d/@NAME@.sources and reads the kit's lists; apt-get install and upgrade work from then on
#   --once           installs the packages (@NAME@ when none is named) from this kit alone, and leaves no source behind
@BEGIN@
command -v apt-get >/dev/null 2>&1 || die "there is no apt here; see linux/rpm and linux/run"
# apt reads as the user _apt, which cannot look into folders such as /root.
if id _apt >/dev/null 2>&1 && command -v runuser >/dev/null 2>&1; then
	runuser -u _apt -- test -r "$here/dists/stable/Release" ||
		die "the user _apt cannot read $here; copy the kit to a folder such as /srv/kit, or open the folders above it (chmod o+x)"
fi

# A path as a URI, and the source with it instead of the kit's example.
uri=$(printf '%s' "$here" | sed 's/%/%25/g; s/ /%20/g; s/\[/%5B/g; s/]/%5D/g; s/#/%23/g; s/?/%3F/g; s/"/%22/g')
source_of() { # FILE: prints the source; with a key FILE for apt before 2.3.10, which knows no key in a source
	escaped=$(printf '%s' "$uri" | sed 's/[\\&,]/\\&/g')
	sed "1s,.*,# Written by use-apt.sh of the kit $name,; s,^URIs: .*,URIs: file:$escaped," "$here/$name.sources"
}
old=
if dpkg --compare-versions "$(dpkg-query -W -f='${Version}' apt)" lt 2.3.10; then old=1; fi
write() { # SOURCES KEY: writes the source, and the key where apt needs it apart
	if [ -n "$old" ]; then
		cp "$here/../../keys/vendor.asc" "$2"
		source_of | sed '/^Signed-By:/,$d' >"$1"
		printf 'Signed-By: %s\n' "$2" >>"$1"
	else
		source_of >"$1"
	fi
	chmod 644 "$1"
}

if [ -n "$once" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	chmod 755 "$work"
	mkdir -p "$work/sources" "$work/lists/partial"
	if id _apt >/dev/null 2>&1; then chown _apt "$work/lists/partial"; fi
	write "$work/sources/$name.sources" "$work/$name.asc"
	[ $# -gt 0 ] || set -- "$name"
	apt_once() {
		apt-get -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$work/sources" -o "Dir::State::Lists=$work/lists" \
			-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
	}
	# apt takes a repository that it cannot use for a warning; here nothing else is asked for.
	apt_once -o APT::Update::Error-Mode=any update || die "apt does not accept this kit; what it says is above"
	ls "$work"/lists/*_Release >/dev/null 2>&1 || ls "$work"/lists/*_InRelease >/dev/null 2>&1 || die "apt does not accept this kit; what it says is above"
	apt_once install -y "$@"
	exit
fi

target=/etc/apt/sources.list.d/$name.sources
if [ -e "$target" ] || [ -L "$target" ]; then
	grep -q "^# Written by use-apt.sh of the kit $name\$" "$target" 2>/dev/null || die "$target is not of this script; move it away first"
fi
[ -z "$old" ] || mkdir -p /etc/apt/keyrings
write "$target.new" "/etc/apt/keyrings/$name.asc"
key_in() { sed -n '/^Signed-By:/,$p' "$1"; }
if [ -e "$target" ] && [ "$(key_in "$target")" != "$(key_in "$target.new")" ]; then
	echo "note: another key signed the kits of $name before: the one in $target is replaced"
fi
mv -f "$target.new" "$target"
# The kit alone: a closed site does not reach the other sources.
apt-get -o "Dir::Etc::SourceList=$target" -o Dir::Etc::SourceParts=/dev/null -o APT::Get::List-Cleanup=0 -o APT::Update::Error-Mode=any update ||
	die "apt does not accept this kit; what it says is above"
echo "wrote $target; next: apt-get install $name"
