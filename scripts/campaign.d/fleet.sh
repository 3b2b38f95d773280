# Plans run by engines: killed at half, run again, merged, compared with one build. Sourced by scripts/campaign.
# shellcheck shell=sh

# fleet [SITES]: HyperQueue's LocalCluster, GNU parallel, a Slurm array in a root of its own, a Kubernetes manifest; 200 sites when not given.
fleet() {
	sites=${1:-200}
	case $sites in *[!0-9]* | '') die "SITES is a whole number" 'scripts/campaign fleet 200' ;; esac
	need parallel python3-venv mmdebstrap time
	place=$(mktemp -d)
	trap 'rm -rf "$place"' EXIT
	trap 'exit 1' HUP INT TERM
	python3 -m venv "$place/python"
	"$place/python/bin/pip" install --quiet hyperqueue==0.27.0 kubernetes-validate==1.37.0 || die "pip could not install the engines" 'is PyPI reachable?'
	fleet_product
	fleet_one
	fleet_engine hyperqueue
	fleet_engine parallel
	fleet_slurm
	fleet_plan kubernetes
	"$place/python/bin/kubernetes-validate" --strict -k 1.31 "$place/kubernetes/engines/kubernetes.yaml" >&2
	say 'kubernetes: the manifest is valid'
}

# A payload that every Debian has, and the sites.
fleet_product() {
	mkdir -p "$place/product/connector" "$place/product/pulse" "$place/product/sites"
	cd "$place/product"
	printf '#!/bin/sh\nexit 0\n' | tee connector/vlink >pulse/pulse
	chmod +x connector/vlink pulse/pulse
	find /usr/lib/x86_64-linux-gnu -maxdepth 1 -type f -size +300k -size -8000k | sort | head -40 | while read -r library; do
		# Without its first byte it is no library any more: which packages libraries are of differs between machines.
		tail -c +2 "$library" >"pulse/${library##*/}"
	done
	{
		printf '[product]\nname = "fleet"\ntitle = "Fleet"\nversion = "1.0.0"\npublisher = "Example Ltd"\nlicense = "MIT"\n'
		printf 'contact = "Example Ltd <support@example.com>"\ndescription = "many sites"\n'
		printf '[connector]\nserver-url = "https://core.example.com"\nexecutable = { linux = "vlink" }\npayload = { linux-x86_64 = "connector" }\n'
		printf '[[container]]\nname = "pulse"\ncommand = ["pulse"]\npayload = { linux-x86_64 = "pulse" }\n'
	} >linkpack.toml
	for site in $(seq -w 1 "$sites"); do
		printf 'server-url = "https://core%s.example.com"\n' "$site" >"sites/s$site.toml"
	done
	cp -- "$LINKPACK" "$place/program"
	# What engines run: a line of CPU seconds is kept for each job that ended.
	printf '#!/bin/sh\nexec time -q -a -o "$FLEET_CPU" -f "%%U %%S" %s/program "$@"\n' "$place" >"$place/linkpack"
	chmod +x "$place/linkpack"
	LINKPACK=$place/linkpack
	SOURCE_DATE_EPOCH=1700000000
	export LINKPACK SOURCE_DATE_EPOCH
	say "payload: $(du -sm pulse | cut -f1) MB"
}

fleet_cpu() { awk '{ sum += $1 + $2 } END { printf "%.1f", sum }' "$FLEET_CPU"; }

fleet_one() {
	say "== one cold build of $sites sites"
	FLEET_CPU=$place/one.cpu
	export FLEET_CPU
	# shellcheck disable=SC2046 # names without spaces, made above
	"$LINKPACK" build -q -f deb,run --cache "$place/cache-one" -o "$place/one" $(printf -- '-s %s ' sites/*.toml) 2>"$place/one.err" || die "$(cat "$place/one.err")"
	say "one build: $(fleet_cpu) s of CPU"
}

fleet_plan() {
	plan=$place/$1
	shift
	"$place/program" plan -q -s 'sites/*.toml' -f deb,run -o "$plan" "$@"
	mkdir -p "$plan/log"
	jobs=$(wc -l <"$plan/jobs.jsonl")
}

fleet_done() { "$place/program" plan status "$plan" --json | sed -n 's/^  "done": \([0-9]*\),$/\1/p'; }

# fleet_engine NAME: two jobs at a time, killed as by a power cut when half are done, run again, merged.
fleet_engine() {
	say "== $1"
	fleet_plan "$1"
	FLEET_CPU=$place/$1.cpu
	export FLEET_CPU
	setsid sh -c "$(fleet_command "$1")" sh "$plan" >"$plan/log/first" 2>&1 &
	group=$!
	until [ "$(fleet_done)" -ge $((jobs / 2)) ]; do
		kill -0 "$group" 2>/dev/null || die "$1 ended early: $(tail -3 "$plan/log/first")"
		sleep 0.2
	done
	# The cluster's own processes made groups of their own: everything below this shell that belongs to the plan goes.
	fleet_kill "$group"
	wait "$group" 2>/dev/null || true
	half=$(fleet_done)
	stamps=$(fleet_stamps)
	sh -c "$(fleet_command "$1")" sh "$plan" >"$plan/log/second" 2>&1 || die "$1 failed: $(tail -3 "$plan/log/second")"
	fleet_stamps | grep -qF "$stamps" || die "$1 built again what was done"
	fleet_merge "$1"
	say "$1: killed with $half of $jobs jobs done, run again, merged, the same bytes; $(fleet_cpu) s of CPU in jobs that ended"
}

# The files of the jobs that are done, by inode: what is built again has another.
fleet_stamps() {
	for sums in "$plan"/jobs/*/SHA256SUMS; do
		[ ! -f "$sums" ] || stat -c '%i %n' "$sums"
	done
}

# A process and all that it started.
fleet_kill() {
	for child in $(pgrep -P "$1"); do fleet_kill "$child"; done
	kill -9 "$1" 2>/dev/null || true
}

# fleet_command NAME: what runs the plan $1 by the engine.
fleet_command() {
	case $1 in
	hyperqueue) printf '%s' "exec '$place/python/bin/python' '$top/scripts/campaign.d/hq_cluster.py' \"\$1\" 2" ;;
	parallel) printf '%s' 'exec sh "$1/engines/parallel.sh" --jobs 2' ;;
	esac
}

fleet_merge() {
	[ "$(fleet_done)" -eq "$jobs" ] || die "$1: $(fleet_done) of $jobs jobs are done"
	"$place/program" merge -q "$plan" -o "$place/merged"
	diff -r "$place/one" "$place/merged" >&2 || die "$1: the merged packages differ from those of one build"
	rm -rf "$place/merged" "$plan"
}

# An array of a job a site, in a root with a controller, a node and nothing else.
fleet_slurm() {
	say '== slurm'
	root=$place/root
	mmdebstrap --mode=root --quiet --variant=apt --include=slurmctld,slurmd,slurm-client,munge bookworm "$root"
	fleet_plan slurm --sites-per-job 1
	FLEET_CPU=$place/slurm.cpu
	export FLEET_CPU
	# A debug build reads its scripts from the working copy.
	mkdir -p "$root$place" "$root$top" "$root/etc/slurm" "$root/run/munge" "$root/var/spool/slurmctld" "$root/var/spool/slurmd" "$root/var/log/slurm"
	{
		printf '%s\n' ClusterName=lab "SlurmctldHost=$(hostname)(127.0.0.1)" SlurmUser=root SlurmdUser=root AuthType=auth/munge
		printf '%s\n' ProctrackType=proctrack/linuxproc TaskPlugin=task/none SelectType=select/cons_tres SelectTypeParameters=CR_Core
		printf '%s\n' StateSaveLocation=/var/spool/slurmctld SlurmdSpoolDir=/var/spool/slurmd ReturnToService=2
		printf '%s\n' JobAcctGatherType=jobacct_gather/none AccountingStorageType=accounting_storage/none JobCompType=jobcomp/none
		printf '%s\n' "NodeName=$(hostname) NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN" "PartitionName=all Nodes=$(hostname) Default=YES State=UP"
	} >"$root/etc/slurm/slurm.conf"
	printf '%s\n' CgroupAutomount=no CgroupMountpoint=/sys/fs/cgroup CgroupPlugin=cgroup/v1 >"$root/etc/slurm/cgroup.conf"
	cp /etc/hosts "$root/etc/hosts"
	# The programs that jobs run are here, so that the root needs none.
	cp "$(command -v time)" "$root/usr/bin/time"
	unshare --mount --pid --fork --kill-child --propagation private sh -euc '
		mount -t proc proc "$1/proc"
		mount --rbind /sys "$1/sys"
		mount --rbind /dev "$1/dev"
		mount --bind "$2" "$1$2"
		mount --bind "$5" "$1$5"
		exec chroot "$1" sh -euc "$3" sh "$4"' sh "$root" "$place" "$(fleet_array)" "$plan" "$top" >&2 || die 'slurm failed' "$(tail -3 "$plan"/log/*.out 2>/dev/null)"
	fleet_merge slurm
	say "slurm: job 0 and an array of $((jobs - 1)), merged, the same bytes; $(fleet_cpu) s of CPU"
}

fleet_array() {
	printf '%s\n' 'chown munge: /run/munge; chmod 755 /run/munge' 'runuser -u munge -- munged' slurmctld 'slurmd' \
		'tries=0; until sinfo -h -o %t | grep -q idle; do tries=$((tries + 1)); [ "$tries" -lt 60 ]; sleep 1; done' \
		'sh "$1/engines/slurm.sh"' 'while [ -n "$(squeue -h)" ]; do sleep 1; done'
}
