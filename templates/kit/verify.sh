#!/bin/sh
# sh verify.sh [--fingerprint HEX | --key FILE]
# Says whether this kit is whole and signed by its vendor. Needs openssl, find, sort, comm and sed; uses sha256sum where it is there.
# Writes nothing but a temporary folder. The key in the kit proves nothing by itself: give the fingerprint from the sheet that came
# another way, or your own copy of the key. Whoever does not trust this script types the two lines of VERIFY.md instead.
set -u
LC_ALL=C
export LC_ALL
umask 077
unset CDPATH
usage() {
	echo "usage: sh verify.sh [--fingerprint HEX | --key FILE]" >&2
	exit 2
}
key=keys/vendor.pub
wanted=
own=
while [ $# -gt 0 ]; do
	case $1 in
	--fingerprint)
		[ $# -ge 2 ] || usage
		wanted=$(printf '%s' "$2" | tr -d ' :\t' | tr A-F a-f | sed 's/^[sS][hH][aA]256//')
		case $wanted in *[!0-9a-f]* | '') usage ;; esac
		if [ ${#wanted} -ne 64 ]; then
			echo "verify.sh: a fingerprint has 64 hexadecimal digits, and this one ${#wanted}" >&2
			exit 2
		fi
		shift 2
		;;
	--key)
		[ $# -ge 2 ] || usage
		case $2 in /*) key=$2 ;; *) key=$(pwd)/$2 ;; esac
		own=1
		shift 2
		;;
	*) usage ;;
	esac
done
cd "$(dirname -- "$0")" || exit 2

bad=0
good() { printf 'ok    %s\n' "$1"; }
# Names may hold what moves a terminal's cursor.
shown() { tr '\001-\011\013-\037\177' '?'; }
fail() {
	printf 'BAD   %s\n' "$1" | shown
	bad=1
}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

if [ -n "$(find . ! -type d ! -type f)" ]; then
	# They are not read: a pipe would never end.
	fail "the kit holds links or devices"
	echo "This kit must not be used." >&2
	exit 1
fi
if ! command -v openssl >/dev/null 2>&1; then
	fail "there is no openssl here: the signature of SHA256SUMS was not checked"
elif ! openssl pkey -pubin -in "$key" -outform DER >"$work/der" 2>/dev/null; then
	fail "$key is not a public key in PEM"
else
	found=$(openssl dgst -sha256 -r "$work/der" | cut -c1-64)
	if [ -n "$wanted" ]; then
		if [ "$found" = "$wanted" ]; then good "key fingerprint"; else fail "the key has another fingerprint: $found"; fi
	elif [ -z "$own" ]; then
		printf 'note  the key has the fingerprint %s: compare it with the sheet\n' "$found"
	fi
	if openssl dgst -sha256 -verify "$key" -signature SHA256SUMS.sig SHA256SUMS >/dev/null 2>&1; then
		good "signature of SHA256SUMS"
		for other in SHA256SUMS.sig.*; do
			[ ! -f "$other" ] || printf 'note  %s, of another person, is not checked here: linkpack kit accept --require 2\n' "$other" | shown
		done
	else
		fail "the signature of SHA256SUMS is not by this key, or SHA256SUMS was changed"
	fi
fi

[ -f SHA256SUMS ] || {
	fail "there is no SHA256SUMS"
	exit 1
}
newline='
'
if [ -n "$(find . -name "*$newline*")" ]; then fail "a file's name has a line break"; fi
# Files that the list does not name are not seen by sha256sum -c. Further signatures of the list, and what repairs it, cannot be in it.
find . ! -type d ! -path ./SHA256SUMS ! -path ./SHA256SUMS.sig | sed 's,^\./,,' |
	grep -vE '^SHA256SUMS\.((sig|pub)\.[0-9a-f]{16}|(vol0\+[0-9]+\.)?par2)$' | sort >"$work/there"
sed -n 's/^[0-9a-f]\{64\}  //p' SHA256SUMS | sort >"$work/listed"
[ "$(wc -l <SHA256SUMS)" -eq "$(wc -l <"$work/listed")" ] || fail "SHA256SUMS has lines that are not a digest and a name"
[ "$(sort -u "$work/listed" | wc -l)" -eq "$(wc -l <"$work/listed")" ] || fail "SHA256SUMS names a file twice"
if grep -E '^/|(^|/)\.\.(/|$)' "$work/listed" >/dev/null; then fail "SHA256SUMS names files outside of the kit"; fi
comm -23 "$work/there" "$work/listed" >"$work/extra"
while IFS= read -r name; do fail "not listed: $name"; done <"$work/extra"

if command -v sha256sum >/dev/null 2>&1; then
	sha256sum -c SHA256SUMS >"$work/out" 2>&1 || {
		bad=1
		grep -v ': OK$' "$work/out" | sed 's/^/BAD   /' | shown
	}
else
	while IFS= read -r line; do
		name=${line#*  }
		now=$(openssl dgst -sha256 -r "./$name" 2>/dev/null | cut -c1-64)
		[ "$now" = "${line%%  *}" ] || fail "$name: changed or missing"
	done <SHA256SUMS
fi

if [ $bad -ne 0 ]; then
	echo "This kit must not be used." >&2
	exit 1
fi
good "$(wc -l <"$work/listed" | tr -d ' ') files"
