set -eu
unset CDPATH
umask 022
name=@NAME@
die() {
	printf '@SCRIPT@: %s\n' "$1" >&2
	exit 1
}
once=
case ${1-} in
'') ;;
--once)
	once=1
	shift
	;;
*)
	echo "usage: sh @SCRIPT@ [--once [PACKAGE...]]" >&2
	exit 2
	;;
esac
here=$(cd -- "$(dirname -- "$0")" && pwd -P)
case $here in *'
'*) die "the kit's path has a line break; copy the kit elsewhere" ;; esac
[ "$(id -u)" -eq 0 ] || die "this needs root: run it by sudo"
