# The peers, and linkpack: a function makes a package in $out, and its name is the row's. Sourced by scripts/bench.
# Each packages $stage/usr/local/intigua; $codec is gzip or xz. Nothing but the packaging is asked of them: no dependency search, no strip.
# shellcheck shell=sh disable=SC2154

# measure ROW RUN COMMAND... [-: the row's packages are in $out]
measure() {
	row=$1 run=$2
	shift 2
	# shellcheck disable=SC2086 # KEY=VALUE words
	"$parts/measure.py" "$results" "$row" "$run" "$out" $fields -- "$@" || exit 1
}

# build ROW RUN [OPTION]...: linkpack on $work/product.
build() {
	row=$1 run=$2
	shift 2
	clear_out
	measure "$row" "$run" "$linkpack" build -q -m "$work/product/linkpack.toml" -o "$out" --codec "$preset" "$@"
}

clear_out() {
	rm -rf -- "$out"
	mkdir -p -- "$out"
}

# peer ROW RUN
peer() {
	clear_out
	case $1 in
	dpkg-deb) measure "$1" "$2" dpkg-deb --root-owner-group "-Z$codec" -b "$stage" "$out/bench.deb" ;;
	rpmbuild) rpmbuild_ "$1" "$2" "" ;;
	rpmbuild-threads) rpmbuild_ "$1" "$2" T ;;
	makeself) makeself_ "$1" "$2" ;;
	makeself-threads) makeself_ "$1" "$2" --threads 0 ;;
	cpack) cpack_ "$1" "$2" ;;
	esac
}

# rpmbuild alone is told its level: at gzip 9 it takes two and a half times as long as at 6, for 1% less.
peer_level() { echo 6; }

rpmbuild_() {
	spec >"$work/bench.spec"
	kind=$codec
	[ "$codec" = xz ] || kind=gz
	# --noclean and an empty %install: the tree is packaged where it lies, and stays.
	measure "$1" "$2" rpmbuild -bb --noclean --buildroot "$stage" --define "_topdir $work/rpmbuild" --define "_rpmdir $out" \
		--define "_rpmfilename bench.rpm" --define "_binary_payload w$(peer_level)$3.${kind}dio" "$work/bench.spec"
}

spec() {
	cat <<-'END'
		%global debug_package %{nil}
		%global __os_install_post %{nil}
		%global __spec_install_pre %{nil}
		%global __check_files %{nil}
		%global _build_id_links none
		%global source_date_epoch_from_changelog 0
		Name: bench
		Version: 1.0
		Release: 1
		Summary: the benchmark's payload
		License: Various
		AutoReqProv: no
		%description
		The benchmark's payload.
		%files
		%defattr(-,root,root)
		/usr/local/intigua
	END
}

makeself_() {
	row=$1 run=$2
	shift 2
	if [ "$codec" = gzip ]; then set -- --pigz "$@"; else set -- --xz --complevel 6 "$@"; fi
	# Its default, ustar, refuses long names.
	measure "$row" "$run" makeself --tar-quietly --tar-format gnu --nox11 "$@" "$stage/usr/local/intigua" "$out/bench.run" bench true
}

# CPack makes both of its packages in one run, from its own copy of the tree.
cpack_() {
	rm -rf -- "$work/cpack"
	mkdir -p -- "$work/cpack/source" "$work/cpack/build"
	cmake_lists >"$work/cpack/source/CMakeLists.txt"
	cmake -S "$work/cpack/source" -B "$work/cpack/build" >"$work/cmake.log" 2>&1 || die "cmake failed" "see $work/cmake.log"
	measure "$1" "$2" cpack --config "$work/cpack/build/CPackConfig.cmake" -B "$out"
	rm -rf -- "$work/cpack" "$out/_CPack_Packages"
}

cmake_lists() {
	cat <<-END
		cmake_minimum_required(VERSION 3.18)
		project(bench VERSION 1.0 LANGUAGES NONE)
		install(DIRECTORY "$stage/usr" DESTINATION / USE_SOURCE_PERMISSIONS)
		set(CPACK_GENERATOR "DEB;RPM")
		set(CPACK_SET_DESTDIR ON)
		set(CPACK_INSTALL_PREFIX /)
		set(CPACK_PACKAGE_CONTACT "linkpack <linkpack@example.com>")
		set(CPACK_DEBIAN_COMPRESSION_TYPE $codec)
		set(CPACK_RPM_COMPRESSION_TYPE $codec)
		set(CPACK_RPM_PACKAGE_AUTOREQPROV " no")
		set(CPACK_RPM_SPEC_MORE_DEFINE "%global __os_install_post %{nil}")
		include(CPack)
	END
}

# check: every package in $out is whole, by its own tool.
check() {
	for package in "$out"/*; do
		case $package in
		*.deb) dpkg-deb --info "$package" ;;
		*.rpm) rpm -K --nosignature "$package" ;;
		*.run) sh "$package" --check ;;
		*) continue ;;
		esac >"$work/check.log" 2>&1 || die "a package is not whole: $package" "$(cat "$work/check.log")"
	done
}

# compare: every package in $out holds the tree, to the byte; linkpack's may hold what is its own besides.
compare() {
	for package in "$out"/*; do
		rm -rf -- "$work/back"
		mkdir -p -- "$work/back"
		case $package in
		*.deb) dpkg-deb -x "$package" "$work/back" ;;
		*.rpm) (cd -- "$work/back" && rpm2cpio "$package" | cpio -idm --quiet) ;;
		*linux-x86_64.run) sh "$package" --extract "$work/back" >&2 ;;
		*.run) sh "$package" --quiet --noexec --nox11 --target "$work/back" >/dev/null ;;
		*) continue ;;
		esac || die "cannot unpack $package" "see above"
		unpacked=$work/back/usr/local/intigua
		[ -d "$unpacked" ] || unpacked=$work/back
		for folder in "$stage/usr/local/intigua/Intigua-Libs"/*; do
			"$parts/same.py" "$folder" "$unpacked/Intigua-Libs/${folder##*/}" container.json || die "see above: $package" "the figures of this run are worth nothing"
		done
		rm -rf -- "$work/back"
	done
}
