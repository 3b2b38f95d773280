# What the scripts share. Sourced by POSIX sh; changes nothing by itself.
# shellcheck shell=sh

say() { printf '%s\n' "$*" >&2; }

# die MESSAGE [HELP]: what happened, and what to do next.
die() {
	say "error: $1"
	[ $# -lt 2 ] || say "help: $2"
	exit 1
}

# The root of the working copy, for a script that lies in a folder below it.
repository() { (CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P); }

as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# missing PACKAGE...: prints those of them that are not installed.
missing() {
	for package in "$@"; do
		status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || status=
		[ "$status" = installed ] || printf '%s ' "$package"
	done
}

# need PACKAGE...: installs those Debian packages that are missing, and only those.
need() {
	command -v dpkg-query >/dev/null || die "this script installs its tools with apt, and this is not Debian or a relative of it" \
		"install the counterparts of these packages by hand: $*"
	wanted=$(missing "$@")
	[ -n "$wanted" ] || return 0
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
		die "these packages are missing, and only root can install them: $wanted" "run as root: apt-get install $wanted"
	fi
	say "installing: $wanted"
	# A third party's repository that does not answer spoils an update, not the packages we want: the installation is what counts.
	as_root apt-get -q -o Acquire::Retries=3 update </dev/null >&2 || say "note: apt-get update had errors; trying to install all the same"
	# shellcheck disable=SC2086 # a list of package names
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
		install --no-install-recommends $wanted </dev/null >&2 || true
	wanted=$(missing "$@")
	[ -z "$wanted" ] || die "apt could not install: $wanted" "see its messages above; is Debian's mirror reachable?"
}

# A compiler and a linker. Debian 12's own cargo is too old for our dependencies.
need_rust() {
	command -v cargo >/dev/null || die "cargo is not in PATH" "install Rust from https://rustup.rs, then run this again"
	# Debian's rustc, which need_windows installs, must not come before the one that belongs to this cargo.
	PATH=$(dirname -- "$(command -v cargo)"):$PATH
	export PATH
	command -v cc >/dev/null || need gcc libc6-dev
}

# What build.rs compiles the Windows parts with; Debian's cargo is not among it.
need_windows() { need rustc libstd-rust-dev-windows gcc-mingw-w64-x86-64; }

# need_cargo SUBCOMMAND...: parts of Rust's own tool chain.
need_cargo() {
	for subcommand in "$@"; do
		cargo "$subcommand" --version >/dev/null 2>&1 || die "cargo $subcommand is missing" "rustup component add rustfmt clippy"
	done
}
