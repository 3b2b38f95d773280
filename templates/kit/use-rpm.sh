#!/bin/sh
# sh use-rpm.sh [--once [PACKAGE...]]
# Makes dnf, yum or zypper install from this kit, wherever it lies. Check the kit first: sh verify.sh --fingerprint HEX
# It imports the kit's key (rpm --import), which every one of them then asks for.
#   without --once   writes @NAME@.repo and @KEY@; dnf install and upgrade work from then on
#   --once           installs the packages (@NAME@ when none is named) from this kit alone, and leaves no repository behind
@BEGIN@
tool=
for one in dnf dnf5 yum zypper; do
	if command -v $one >/dev/null 2>&1; then
		tool=$one
		break
	fi
done
[ -n "$tool" ] || die "there is no dnf, yum or zypper here; install with: rpm --import KEY; rpm -U PACKAGE.rpm"
uri=$(printf '%s' "$here" | sed 's/%/%25/g; s/ /%20/g; s/\[/%5B/g; s/]/%5D/g; s/#/%23/g; s/?/%3F/g; s/"/%22/g')
write() { # FILE KEY: the repository with this place instead of the kit's example
	escaped=$(printf '%s' "$uri" | sed 's/[\\&,]/\\&/g')
	sed "1s,.*,# Written by use-rpm.sh of the kit $name,; s,^gpgkey=.*,gpgkey=file://$2,; s,file:///mnt/linux/rpm,file://$escaped," "$here/$name.repo" >"$1"
	chmod 644 "$1"
}
put_key() { # FILE: dnf 4 reads gpgkey as an address and dnf5 as a name, so its path has nothing to escape
	cp "$here/repodata/repomd.xml.key" "$1"
	chmod 644 "$1"
}
rpm --import "$here/repodata/repomd.xml.key"

if [ -n "$once" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	[ $# -gt 0 ] || set -- "$name"
	put_key "$work/key"
	write "$work/$name.repo" "$work/key"
	if [ "$tool" = zypper ]; then
		zypper --non-interactive --reposd-dir "$work" --cache-dir "$work/cache" install "$@"
	else
		$tool -y "--setopt=reposdir=$work" "--setopt=cachedir=$work/cache" install "$@"
	fi
	exit
fi

case $tool in zypper) folder=/etc/zypp/repos.d ;; *) folder=/etc/yum.repos.d ;; esac
target=$folder/$name.repo
key=@KEY@
if [ -e "$target" ] || [ -L "$target" ]; then
	grep -q "^# Written by use-rpm.sh of the kit $name\$" "$target" 2>/dev/null || die "$target is not of this script; move it away first"
elif [ -e "$key" ] || [ -L "$key" ]; then
	cmp -s "$here/repodata/repomd.xml.key" "$key" || die "$key is not of this script; move it away first"
fi
if [ -e "$key" ] && ! cmp -s "$here/repodata/repomd.xml.key" "$key"; then
	echo "note: another key signed the kits of $name before: $key is replaced"
fi
mkdir -p "$folder" "${key%/*}"
put_key "$key.new"
mv -f "$key.new" "$key"
write "$target.new" "$key"
mv -f "$target.new" "$target"
echo "wrote $target; next: $tool install $name"
