#!/bin/sh
# sh copy.sh FOLDER [--fingerprint HEX | --key FILE]
# Copies this kit to a folder of a disk and then verifies the copy (verify.sh). Interrupted, or stopped by a disc that cannot be read, it is
# run again: what is there with the right digest stays, and a large file goes on where it stopped. Each volume of a kit has a folder of its own.
set -u
LC_ALL=C
export LC_ALL
unset CDPATH
umask 022
die() {
	printf 'copy.sh: %s\n' "$1" >&2
	exit "${2-1}"
}
usage() { die "usage: sh copy.sh FOLDER [--fingerprint HEX | --key FILE]" 2; }
# Behind -- a folder's name may begin with a dash.
case ${1-} in
--) shift ;;
-*) usage ;;
esac
[ -n "${1-}" ] || usage
case $1 in /*) to=$1 ;; *) to=$(pwd)/$1 ;; esac
shift
begun=$(pwd)
cd "$(dirname -- "$0")" || exit 2
[ -f SHA256SUMS ] || die "this is no kit: it has no SHA256SUMS"
mkdir -p -- "$to" || exit 1
# Where others can write, a link could lead what is written to any place.
[ -z "$(find "$to" ! -user "$(id -u)" | head -n 1)" ] || die "$to, or something in it, belongs to another user; name a folder of your own"
[ -z "$(find "$to" ! -type d ! -type f | head -n 1)" ] || die "$to holds links or devices; name another folder"
if [ -e "$to/SHA256SUMS" ] && ! cmp -s SHA256SUMS "$to/SHA256SUMS"; then
	die "$to holds another kit; name another folder"
fi
trap 'die "interrupted; run it again to go on"' HUP INT TERM

if command -v sha256sum >/dev/null 2>&1; then
	digest() { sha256sum <"$1" | cut -c1-64; }
else
	digest() { openssl dgst -sha256 -r <"$1" | cut -c1-64; }
fi

is_file() { [ -f "$1" ] && [ ! -L "$1" ]; }

# copy NAME DIGEST: 0 and one more in "copied"; 1 where the file cannot be read as it should be.
copy() {
	target=$to/$1
	part=$target.part
	# A pipe would never end.
	is_file "$1" || return 1
	if [ -f "$target" ] && [ "$(digest "$target")" = "$2" ]; then
		there=$((there + 1))
		return 0
	fi
	mkdir -p -- "$(dirname -- "$target")" || exit 1
	# What is there of it may be of a worn sector: the second time it is read from its beginning.
	for try in 1 2; do
		[ $try -eq 1 ] || rm -f -- "$part"
		at=0
		[ ! -f "$part" ] || at=$(($(wc -c <"$part")))
		tail -c "+$((at + 1))" -- "$1" >>"$part" ||
			{ tail -c "+$((at + 1))" -- "$1" >/dev/null 2>&1 && die "cannot write to $to (see above): make room there, and run this again"; }
		if [ "$(digest "$part")" = "$2" ]; then
			case $1 in *.sh | *.run) chmod 755 "$part" ;; *) chmod 644 "$part" ;; esac
			touch -r "$1" "$part" && mv -f -- "$part" "$target" || exit 1
			copied=$((copied + 1))
			return 0
		fi
	done
	# What could be read of it, for par2.
	mv -f -- "$part" "$target"
	return 1
}

copied=0
there=0
bad=0
while IFS= read -r line; do
	name=${line#*  }
	case /$name/ in
	*/../* | //*) die "SHA256SUMS names a file outside of the kit: $name" ;;
	esac
	copy "$name" "${line%%  *}" || {
		printf 'BAD   %s: it cannot be read, or was changed\n' "$name"
		bad=1
	}
done <SHA256SUMS
[ $bad -eq 0 ] || die "the kit is not whole: clean the disc and run this again; VERIFY.md says what else can be done"
# The list comes last: what has none is no kit.
for name in SHA256SUMS.* SHA256SUMS; do
	is_file "$name" || die "$name is no regular file; do not use this kit"
	cp -- "$name" "$to/$name.part" && touch -r "$name" "$to/$name.part" && chmod 644 "$to/$name.part" && mv -f -- "$to/$name.part" "$to/$name" || exit 1
done
for folder in $(find . -type d | sort -r); do touch -r "$folder" "$to/$folder"; done
echo "copied $copied files to $to; $there were there"
cd "$begun" && exec sh "$to/verify.sh" "$@"
