# What is packaged: real software from Debian, one tree for all tools. Sourced by scripts/bench.
# shellcheck shell=sh

# fetch PACKAGE: prints the path of its .deb. One that is there is used as it is; remove target/bench/debs to get newer ones.
fetch() {
	mkdir -p -- "$bench/debs"
	set -- "$1" "$bench/debs/$1"_*.deb
	if [ ! -f "$2" ]; then
		say "downloading $1"
		(cd -- "$bench/debs" && apt-get -q -o Acquire::Retries=3 -o APT::Sandbox::User=root download "$1" >&2) ||
			die "apt could not download $1" "is Debian's mirror reachable, and is there an apt-get update to run?"
		set -- "$1" "$bench/debs/$1"_*.deb
	fi
	printf '%s\n' "$2"
}

# key WORD...: what names a cached thing: a digest of what it is made from.
key() { printf '%s\n' "$@" | sha256sum | cut -c 1-12; }

# tree NAME PACKAGE...: prints the folder stage/ that holds, below usr/local/intigua, a connector and each package as a container.
# It is what every peer packages whole, and what linkpack installs. Made once for each set of package versions.
tree() {
	name=$1
	shift
	debs=
	for package in "$@"; do debs="$debs $(fetch "$package")" || exit 1; done
	# shellcheck disable=SC2086 # paths of ours, without blanks
	made=$bench/$name-$(key $debs "$(sha256sum <"$parts/payload.sh")" "$(sha256sum <"$parts/tidy.py")")
	if [ ! -d "$made" ]; then
		say "unpacking $*"
		rm -rf -- "$made.part"
		place=$made.part/stage/usr/local/intigua
		mkdir -p -- "$place/vAgentManager" "$place/Intigua-Libs" "$made.part/stage/DEBIAN"
		connector >"$place/vAgentManager/vlink"
		chmod 755 "$place/vAgentManager/vlink"
		control >"$made.part/stage/DEBIAN/control"
		for package in "$@"; do dpkg-deb -x "$(fetch "$package")" "$place/Intigua-Libs/$package" || exit 1; done
		"$parts/tidy.py" "$place/Intigua-Libs" >"$made.part/removed"
		say "$(wc -l <"$made.part/removed") links that leave their package are left out, for every tool: $made/removed"
		mv -- "$made.part" "$made"
	fi
	printf '%s\n' "$made/stage"
}

connector() {
	cat <<-'END'
		#!/bin/sh
		# A connector that does nothing until it is told to stop.
		trap 'exit 0' TERM INT
		while :; do sleep 1 & wait $!; done
	END
}

# The least that dpkg-deb asks for.
control() {
	cat <<-'END'
		Package: bench
		Version: 1.0
		Architecture: amd64
		Maintainer: linkpack <linkpack@example.com>
		Description: the benchmark's payload
	END
}

# manifest FOLDER NAME SOURCE...: writes FOLDER/linkpack.toml: the connector of $stage, and a container for each source "NAME=TOML VALUE".
manifest() {
	folder=$1
	mkdir -p -- "$folder"
	{
		cat <<-END
			[product]
			name = "$2"
			title = "Benchmark"
			version = "1.0"
			publisher = "linkpack"
			contact = "linkpack <linkpack@example.com>"
			license = "Various"
			description = "the benchmark's payload"
			# Packages without what they depend on: a .run would refuse to install them.
			auto-depends = false
			[connector]
			server-url = "https://core.example.com:443"
			executable = { linux = "vlink" }
			payload = { linux-x86_64 = "$stage/usr/local/intigua/vAgentManager" }
		END
		shift 2
		for source in "$@"; do
			cat <<-END
				[[container]]
				name = "${source%%=*}"
				command = ["/bin/true"]
				payload = { linux-x86_64 = ${source#*=} }
			END
		done
	} >"$folder/linkpack.toml"
}

# product FOLDER [PACKAGE...]: the manifest for all of $stage, or for these packages of it.
product() {
	folder=$1
	shift
	# shellcheck disable=SC2046 # Debian's package names
	[ $# -gt 0 ] || set -- $(ls -- "$stage/usr/local/intigua/Intigua-Libs")
	for package in "$@"; do
		set -- "$@" "$package=\"$stage/usr/local/intigua/Intigua-Libs/$package\""
		shift
	done
	manifest "$folder" bench "$@"
}
