# What is measured, a function a scenario. Each writes its lines to $results. Sourced by scripts/bench.
# shellcheck shell=sh disable=SC2154

# packaging: DEB + RPM + .run from nothing, and again with the cache filled, against the three peers. Rows take turns.
packaging() {
	product "$work/product"
	formats=deb,rpm,run
	rm -rf -- "$work/cache"
	for run in $(seq "$runs"); do
		build linkpack "$run" -f "$formats" --no-cache
		check
		[ "$run" -gt 1 ] || compare
		for tool in dpkg-deb rpmbuild makeself; do
			peer "$tool" "$run"
			check
			[ "$run" -gt 1 ] || compare
		done
		[ -z "$short" ] || continue
		[ "$run" -gt 1 ] || once_only
		[ -d "$work/cache" ] || build filling "$run" -f "$formats" --cache "$work/cache"
		build linkpack-warm "$run" -f "$formats" --cache "$work/cache"
		check
	done
}

# Rows that are context, not part of the sum.
once_only() {
	set -- cpack
	[ "$codec" = gzip ] || set -- "$@" rpmbuild-threads makeself-threads
	for tool in "$@"; do
		peer "$tool" 1
		check
		compare
	done
}

run_gzip() { codec=gzip preset=fast && packaging; }
run_xz() { codec=xz preset=small && packaging; }

# rebuild: one configuration file changes, everything else is in the cache. The peers start again, so once is enough for them.
run_rebuild() {
	codec=xz preset=small
	original=$stage
	stage=$work/stage
	cp -a -- "$original" "$stage"
	product "$work/product"
	changing=$(find "$stage/usr/local/intigua/Intigua-Libs" -path '*/etc/*' -name '*.conf' -type f | LC_ALL=C sort | head -n 1)
	build filling 0 -f deb,rpm,run --cache "$work/cache"
	for run in $(seq "$runs"); do
		echo "# change $run" >>"$changing"
		build linkpack "$run" -f deb,rpm,run --cache "$work/cache"
		check
		[ "$run" -gt 1 ] || compare
		[ -n "$short" ] || [ "$run" -gt "$peer_runs" ] || for tool in dpkg-deb rpmbuild makeself; do
			peer "$tool" "$run"
			check
		done
	done
	stage=$original
}

# sites: many sites' packages of a product of 100 MB, against cp of as many files of the same sizes.
run_sites() {
	codec=gzip preset=fast
	# shellcheck disable=SC2086 # Debian's package names
	product "$work/product" $site_packages
	build one 0 -f deb,rpm,run --cache "$work/cache"
	one=$(du -sm -- "$out" | cut -f 1)
	room $((one * (sites + 3) / 1024 + 5)) "the packages of $sites sites"
	mkdir -p -- "$work/sites"
	set --
	for site in $(seq -f %03g "$sites"); do
		printf 'server-url = "https://core-%s.customer.example:443"\nroot = { linux = "/opt/customer-%s/intigua" }\n' "$site" "$site" >"$work/sites/s$site.toml"
		set -- "$@" -s "$work/sites/s$site.toml"
	done
	for run in $(seq "$runs"); do
		sync
		build linkpack "$run" "$@" -f deb,rpm,run --cache "$work/cache"
		copied "$run"
	done
}

# cp gets one site's packages, which the page cache holds, and writes them as often as there are sites; then the same with its data on the disk.
copied() {
	rm -rf -- "$work/one"
	mkdir -p -- "$work/one"
	mv -- "$out"/*-s001[-_]* "$work/one"
	for row in cp cp-and-sync; do
		clear_out
		sync
		if [ "$row" = cp ]; then after=true; else after="sync -f ."; fi
		# shellcheck disable=SC2016 # expanded by the inner shell
		measure "$row" "$1" sh -c 'cd -- "$2" && for i in $(seq "$3"); do for f in "$1"/*; do cp -- "$f" "$i-${f##*/}" || exit 1; done; done; $4' \
			sh "$work/one" "$out" "$sites" "$after"
	done
	clear_out
}

# growth: seconds a megabyte and seconds a file, from small to large, at gzip. The rounds go through all sizes in turn.
run_growth() {
	codec=gzip preset=fast
	room "$growth_room" "the payload and its packages"
	grown=$work/growth
	# shellcheck disable=SC2086 # numbers
	set -- $growth_slices
	"$parts/slices.py" "$stage/usr/local/intigua/Intigua-Libs" "$grown/mb" "$(last $growth_slices)" "$growth_of" || exit 1
	"$parts/slices.py" "$go/usr/local/intigua/Intigua-Libs" "$grown/files" "$(last $growth_files)" "$growth_files_of" "$growth_files_each" || exit 1
	for run in $(seq "$runs"); do
		for slices in $growth_slices; do grow mb "$slices"; done
		for slices in $growth_files; do grow files "$slices"; done
	done
	fields=
}

last() { eval "printf '%s\n' \"\${$#}\""; }

# grow KIND SLICES
grow() {
	fields="kind=$1" counted=$grown/$1-$2
	# shellcheck disable=SC2046 # plain paths
	set -- $(seq -f "$grown/$1/%03g" 0 $(($2 - 1)))
	[ -f "$counted" ] || find "$@" -type f -printf '%s\n' |
		awk '{ bytes += $1 } END { printf "bytes=%.0f files=%d\n", bytes, NR }' >"$counted"
	manifest "$work/product" bench "data=[$(printf '"%s", ' "$@")]"
	fields="$fields $(cat "$counted")"
	[ -n "$quick" ] || fill_memory
	cat "$linkpack" >/dev/null
	find "$@" -type f -exec cat {} + >/dev/null
	build linkpack "$run" -f deb,rpm,run --no-cache
	[ "$run" -gt 1 ] || check
	clear_out
}

# fill_memory: all memory holds pages of a file, as on a machine that has been at work, and the kernel takes them where others are needed.
# A virtual machine may give free memory back to its host and wait for it page by page later (0.4 GB/s was seen): the larger the payload,
# the more of that would be counted as ours. Each time another file: pages that are read twice are not given up so readily.
fill_memory() {
	filled=$((${filled:-0} + 1))
	truncate -s "$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)K" "$grown/zeros.$filled"
	cat "$grown/zeros.$filled" >/dev/null
}

# trees: what grouping costs or saves where files resemble each other, against one stream.
run_trees() {
	whole=$stage
	for run in $(seq "$runs"); do
		for kind in go dlls; do
			case $kind in go) stage=$go ;; dlls) stage=$dlls ;; esac
			product "$work/product"
			for codec in gzip xz; do
				if [ "$codec" = gzip ]; then preset=fast; else preset=small; fi
				fields="kind=$kind codec=$codec"
				build linkpack "$run" -f deb --no-cache
				check
				peer dpkg-deb "$run"
			done
		done
	done
	stage=$whole fields=
}

# endpoint: unpacking and installing a .run, against tar and sha256sum on the very same compressed bytes.
run_endpoint() {
	product "$work/product"
	for codec in gzip xz; do
		if [ "$codec" = gzip ]; then preset=fast; else preset=small; fi
		fields="codec=$codec"
		build building 0 -f run --no-cache
		mkdir -p -- "$work/run"
		mv -- "$out"/*.run "$work/run/$codec.run"
		offset=$(sh "$work/run/$codec.run" --info --json | sed -n 's/.*"payload_offset": \([0-9]*\).*/\1/p')
		tail -c +$((offset + 1)) "$work/run/$codec.run" >"$work/run/$codec.tar"
	done
	for run in $(seq "$runs"); do
		for codec in gzip xz; do
			fields="codec=$codec"
			endpoint_row extract sh "$work/run/$codec.run" --quiet --extract "$out/x"
			# shellcheck disable=SC2016 # expanded by the inner shell
			endpoint_row tar sh -c 'mkdir -p "$2" && sha256sum "$1" && tar -x -f "$1" -C "$2" --'"$codec" sh "$work/run/$codec.tar" "$out/x"
			endpoint_row install "$parts/private" "$work/private" sh "$work/run/$codec.run" --quiet --no-start --install-root "$out/x/root"
		done
	done
	fields=
}

endpoint_row() {
	clear_out
	row=$1
	shift
	measure "$row" "$run" "$@"
}

# msi: linkpack against wixl, where that part of the benchmark is there.
run_msi() {
	if [ ! -x "$root/scripts/bench-msi" ]; then
		say "scripts/bench-msi is not there: no MSI figures"
		return 0
	fi
	"$root/scripts/bench-msi"
}

# room GB WHAT
room() {
	free=$(df -P -k -- "$bench" | awk 'NR == 2 { print int($4 / 1048576) }')
	say "$2: $1 GB of disk are needed, $free GB are free"
	[ "$free" -ge "$1" ] || die "not enough disk for $2: $1 GB are needed below $bench" "free some, or put target on another disk (CARGO_TARGET_DIR)"
}
