# Plays the channels for Linux machines with the real tools: ansible over sshd into a Debian root, ansible-lint, salt, puppet, cloud-init.
# Sourced by scripts/campaign. shellcheck shell=sh

# channels_linux: all of it; tools that are in no Debian package come from PyPI (LINKPACK_NO_PYPI=1 leaves them out).
channels_linux() {
	need ansible-core openssh-server openssh-client python3 python3-venv puppet cloud-init mmdebstrap
	need_program debug
	place=$(mktemp -d)
	trap 'channels_end' EXIT
	trap 'exit 1' HUP INT TERM
	channels_kit
	channels_machine
	channels_ansible
	channels_lint
	channels_puppet
	channels_salt
	channels_cloud
	say "channels: all of it works"
}

channels_end() {
	[ ! -s "$place/sshd.pid" ] || kill "$(cat "$place/sshd.pid")" 2>/dev/null || :
	[ -z "${channels_init:-}" ] || kill -9 "$channels_init" 2>/dev/null || :
	rm -rf --one-file-system "$place"
}

# A kit of the sample in two versions.
channels_kit() {
	for version in 1.0.0 1.1.0; do
		"$LINKPACK" init --sample "$place/demo-$version" >/dev/null 2>&1
		sed -i "0,/^version = /s/^version = .*/version = \"$version\"/" "$place/demo-$version/linkpack.toml"
		(cd "$place/demo-$version" && "$LINKPACK" build -q --no-cache -f run -o dist)
	done
	openssl ecparam -genkey -name prime256v1 -noout -out "$place/key.pem" 2>/dev/null
	for kit in kit again; do
		"$LINKPACK" kit "$place/demo-1.0.0/dist" "$place/demo-1.1.0/dist" -o "$place/$kit" --key "$place/key.pem" -c ansible,salt,puppet,vmware,cloud-init >/dev/null
	done
	diff -r "$place/kit/channels" "$place/again/channels" || die 'two kits of one input have other channels'
}

# A Debian root that is alive, with sshd on a port of this machine.
channels_machine() {
	base=${LINKPACK_DEBIAN:-$top/target/campaign/debian}
	mkdir -p "$top/target/campaign"
	[ -d "$base/etc" ] || mmdebstrap --mode=root --quiet --variant=apt --include=systemd,sudo,passwd,procps,rpm bookworm "$base"
	cp -a "$base" "$place/root"
	root=$place/root
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	[ -s "$root/etc/apt/sources.list" ] || echo 'deb http://deb.debian.org/debian bookworm main' >"$root/etc/apt/sources.list"
	# shellcheck disable=SC2016 # expanded in the root
	chroot "$root" /usr/bin/env -i DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -euc '
		printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
		apt-get -qq update; apt-get -qq -y --no-install-recommends install python3 openssh-server >/dev/null; rm /usr/sbin/policy-rc.d' >&2
	ssh-keygen -q -t ed25519 -N '' -f "$place/id"
	mkdir -p -m 700 "$root/root/.ssh"
	cp "$place/id.pub" "$root/root/.ssh/authorized_keys"
	chown -R 0:0 "$root/root"
	# Process 1 of the machine is called init: by another name this would be a container's build. It reaps what is orphaned.
	# shellcheck disable=SC2016 # expanded in the new namespaces
	unshare --mount --pid --fork --kill-child --propagation private sh -euc '
		mount --bind "$1" "$1"; cd "$1"; mount -t proc proc proc; mount --rbind /dev dev; mount -t tmpfs -o mode=755 run run; mkdir run/sshd run/lock
		mount -t tmpfs init mnt; ln -s /bin/sleep mnt/init
		exec chroot . /usr/bin/env --ignore-signal=CHLD /mnt/init infinity' sh "$root" &
	channels_wrapper=$!
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		sleep 0.5
		channels_init=$(tr -d ' ' <"/proc/$channels_wrapper/task/$channels_wrapper/children")
		[ -z "$channels_init" ] || [ "$(cat "/proc/$channels_init/comm")" != init ] || break
	done
	channels_sshd
}

channels_inside() { nsenter -t "$channels_init" -m -p -r -w /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }

channels_sshd() {
	channels_inside /usr/sbin/sshd -o ListenAddress=127.0.0.1 -p 2222 -o UsePAM=no -o PidFile=/run/sshd.pid
}

channels_play() {
	(cd "$place" && ANSIBLE_COLLECTIONS_PATH=$place/collections ANSIBLE_COLLECTIONS_PATHS=$place/collections ANSIBLE_HOME=$place/ansible ANSIBLE_LOCAL_TEMP=$place/ansible/tmp ANSIBLE_SSH_ARGS='-o ControlMaster=no' \
		ANSIBLE_HOST_KEY_CHECKING=False ANSIBLE_DEPRECATION_WARNINGS=False ansible all -t "$place/results" -i "$place/hosts" -m intigua_sample.agent.agent "$@")
}

# expect FILTER WORD ARGS...: plays an operation; what the filter (Python, over the result r) gives has to be the word.
channels_expect() {
	filter=$1 wanted=$2
	shift 2
	rm -rf "$place/results"
	channels_play "$@" >"$place/out" 2>"$place/err" || :
	found=$(python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$place/results/endpoint" "$filter") || { cat "$place/out" "$place/err" >&2; die "no result of $*"; }
	[ "$found" = "$wanted" ] || { cat "$place/out" "$place/err" >&2; die "$*: $filter is $found, and has to be $wanted"; }
	say "ansible $*: $filter is $found"
}

# channels_until TEXT: the play at hand has said this; a busy machine takes its time to begin.
channels_until() {
	until grep -qs "$1" "$place/out"; do sleep 0.2; done
}

channels_ansible() {
	say '== ansible'
	printf 'endpoint ansible_host=127.0.0.1 ansible_port=2222 ansible_user=root ansible_ssh_private_key_file=%s ansible_python_interpreter=/usr/bin/python3 ansible_ssh_common_args="-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"\n' \
		"$place/id" >"$place/hosts"
	tarball=$(echo "$place"/kit/channels/ansible/*.tar.gz)
	ansible-galaxy collection install --offline -p "$place/collections" "$tarball" >/dev/null
	(cd "$place" && ansible-galaxy collection verify --offline -p "$place/collections" intigua_sample.agent >/dev/null) || die 'the collection does not verify'
	run=$place/kit/linux/run/intigua-sample
	first="operation=install package=$run-1.0.0-linux-x86_64.run"
	second="operation=upgrade package=$run-1.1.0-linux-x86_64.run"
	channels_expect 'r["changed"]' True --check -a "$first"
	channels_expect 'r["changed"], r["install"]["outcome"]' "(True, 'installed')" -a "$first"
	channels_expect 'r["changed"]' False -a "$first"
	channels_expect 'r["changed"]' False --check -a "$first"
	channels_expect 'r["ansible_facts"]["agent"]["version"], r["running"]' "('1.0.0', True)" -a operation=status
	channels_expect 'r["install"]["outcome"]' upgraded -a "$second"
	channels_expect 'r["rc"], r["install"]["outcome"]' "(17, 'refused')" -a "$first"
	settings='{"operation": "configure", "settings": {"SERVER_URL": "https://other.example/$HOME"}}'
	channels_expect 'r["changed"]' True --check -a "$settings"
	channels_expect 'r["changed"]' True -a "$settings"
	channels_expect 'r["changed"]' False -a "$settings"
	channels_expect 'r["rc"]' 2 -a '{"operation": "configure", "settings": {"FROB": "1"}}'
	channels_expect 'r["changed"]' True -a operation=stop
	channels_expect 'r["changed"]' False -a operation=stop
	channels_expect 'r["running"]' False -a operation=status
	channels_expect 'r["changed"]' True -a operation=start
	channels_expect '"version" in r["stdout"]' True -a 'operation=logs lines=50'
	channels_expect 'r["stdout"]' '1' -a '{"operation": "run", "argv": ["/bin/echo", "1"]}'
	# Busy until it was tried once; and sshd away for 6 s and two tries.
	channels_inside sh -c 'flock -x /var/lib/intigua/lock sh -c "until [ -e /run/free ]; do sleep 0.1; done" >/dev/null 2>&1 &'
	rm "$place/out"
	(channels_until 'attempt 1:'; channels_inside touch /run/free) &
	channels_expect 'r["attempts"] > 1 and r["waited"][0]' 1.0 -vv -a "$second settings='{\"SERVER_URL\": \"https://third.example\"}'"
	channels_inside sh -c 'kill $(cat /run/sshd.pid)'
	rm "$place/out"
	(sleep 6; channels_until 'attempt 2:'; channels_sshd) &
	channels_expect 'r["attempts"] > 2 and r["running"]' True -vv -a operation=status
	channels_expect 'r["changed"]' True -a 'operation=uninstall purge=true'
	channels_expect 'r["changed"]' False -a 'operation=uninstall purge=true'
	channels_by_the_page
}

# What the page in the kit says, as it stands there but for where the kit lies and which hosts there are.
channels_by_the_page() {
	rm -rf "$place/collections"
	sed -n 's/^    \(ansible.*\)/\1/p' "$place/kit/channels/ansible/README.txt" | tr -d '\r' | sed "s,/mnt/kit,$place/kit,g; s,HOSTS,$place/hosts,g; s, kit/, $place/kit/,g" >"$place/commands"
	[ "$(wc -l <"$place/commands")" -eq 3 ] || { cat "$place/commands" >&2; die 'the page has other commands'; }
	while read -r command; do
		(cd "$place" && ANSIBLE_COLLECTIONS_PATH=$place/collections ANSIBLE_COLLECTIONS_PATHS=$place/collections ANSIBLE_HOME=$place/ansible ANSIBLE_LOCAL_TEMP=$place/ansible/tmp \
			ANSIBLE_HOST_KEY_CHECKING=False ANSIBLE_DEPRECATION_WARNINGS=False sh -euc "$command" </dev/null >"$place/out" 2>&1) || { cat "$place/out" >&2; die "failed: $command"; }
		say "page: $command"
	done <"$place/commands"
	channels_inside grep -q 'https://core.example:443' /usr/local/intigua/components/csclient.cfg || die 'the page configured nothing'
}

channels_lint() {
	[ -z "${LINKPACK_NO_PYPI:-}" ] || return 0
	say '== ansible-lint'
	python3 -m venv "$place/lint"
	"$place/lint/bin/pip" -q install ansible-lint
	# The collection that the playbook for Windows calls: of a release for Debian 12's ansible-core.
	"$place/lint/bin/pip" -q download --no-deps -d "$place/ansible-wheel" ansible==8.7.0
	python3 -c 'import sys, zipfile
file = zipfile.ZipFile(sys.argv[1])
file.extractall(sys.argv[2], [name for name in file.namelist() if name.startswith("ansible_collections/ansible/windows/")])' "$place"/ansible-wheel/*.whl "$place/collections"
	(cd "$place" && mkdir content && echo '{}' >content/application.json && ANSIBLE_COLLECTIONS_PATH=$place/collections ANSIBLE_HOME=$place/ansible \
		ansible-playbook --syntax-check -i "$place/hosts" -e content="$place/content" intigua_sample.agent.windows >/dev/null) || die 'the playbook for Windows has a mistake'
	say 'ansible-playbook --syntax-check: the playbook for Windows'
	# Debian 12 has ansible-core 2.14, which the rule meta-runtime calls unsupported.
	(cd "$place/collections/ansible_collections/intigua_sample/agent" && ANSIBLE_COLLECTIONS_PATH=$place/collections PATH="$place/lint/bin:$PATH" ansible-lint --offline -q -x meta-runtime)
}

channels_puppet() {
	say '== puppet'
	cp -R "$place/kit/channels/puppet" "$place/modules"
	mkdir "$place/modules/agent/files"
	cp "$place"/kit/linux/run/*-1.1.0-*.run "$place/modules/agent/files/"
	puppet parser validate "$place/modules/agent/manifests/init.pp"
	puppet apply --noop --modulepath "$place/modules" --confdir "$place/puppet" --vardir "$place/puppet/var" -e 'class { "agent": settings => { "SERVER_URL" => "https://core.example" } }' >"$place/puppet.out" 2>&1 ||
		{ cat "$place/puppet.out" >&2; die 'puppet apply failed'; }
	# Facter alone minds what a container does not let it read.
	! grep -i error "$place/puppet.out" | grep -v Facter || die 'puppet apply had errors'
	! puppet apply --noop --modulepath "$place/modules" --confdir "$place/puppet" --vardir "$place/puppet/var" -e 'class { "agent": settings => { "FROB" => "1" } }' >/dev/null 2>&1 ||
		die 'puppet took a setting that there is not'
}

channels_salt() {
	[ -z "${LINKPACK_NO_PYPI:-}" ] || return 0
	say '== salt'
	python3 -m venv "$place/salt"
	"$place/salt/bin/pip" -q install salt
	mkdir -p "$place/minion"
	printf 'file_client: local\nfile_roots: {base: [%s]}\nroot_dir: %s\nid: endpoint\n' "$place/kit/channels/salt" "$place/minion" >"$place/minion/minion"
	"$place/salt/bin/salt-call" -c "$place/minion" --local --out=json state.show_sls agent pillar='{"agent": {"settings": {"SERVER_URL": "https://core.example"}}}' >"$place/salt.out" 2>&1 ||
		{ cat "$place/salt.out" >&2; die 'salt cannot read the state'; }
	grep -q 'SERVER_URL=https://core.example' "$place/salt.out" || { cat "$place/salt.out" >&2; die 'the state lacks the setting'; }
}

channels_cloud() {
	say '== cloud-init'
	for file in "$place"/kit/channels/vmware/user-data.yaml "$place"/kit/channels/cloud-init/*.yaml; do
		cloud-init schema --config-file "$file" >/dev/null
	done
}
