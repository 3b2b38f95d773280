# Four vendors' agents in one product, in minimal roots whose package manager finds what they need. Sourced by scripts/campaign.
# shellcheck shell=sh

# snmpd and monit have many libraries; zabbix-agent2 and node-exporter are the README's.
vendor_agents='zabbix-agent2 prometheus-node-exporter snmpd monit'

# vendor: by apt from Debian's archive, then by dnf from a repository of RPMs that hold the same libraries.
vendor() {
	need mmdebstrap debian-archive-keyring rpm dnf createrepo-c
	place=$(mktemp -d)
	trap 'rm -rf "$place"' EXIT
	trap 'exit 1' HUP INT TERM
	vendor_product
	mmdebstrap --mode=root --quiet --variant=apt bookworm "$place/root"
	cp -a "$place/root" "$place/for-dnf"
	say '== apt'
	cp "$place"/product/dist/*.deb "$place/root/tmp/product.deb"
	# shellcheck disable=SC2016 # for the shell inside
	vendor_in root 'dpkg-query -W -f "\${Package}\n" | sort >/tmp/before; DEBIAN_FRONTEND=noninteractive apt-get -qq update
		DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends /tmp/product.deb >/dev/null
		dpkg-query -W -f "\${Package}\n" | sort | comm -13 /tmp/before - >/tmp/installed; apt-get -qq check'
	vendor_runs root
	say "apt: works, with $(($(wc -l <"$place/root/tmp/installed") - 1)) packages that the root lacked"
	say '== dnf'
	vendor_repository
	mkdir -p "$place/for-dnf/var/lib/rpm"
	dnf -q -y --installroot="$place/for-dnf" --setopt=reposdir=/none --setopt=cachedir="$place/cache" --setopt=install_weak_deps=0 --releasever=1 \
		--repofrompath="vendor,file://$place/repository" --nogpgcheck install acme-monitoring
	vendor_runs for-dnf
	say "dnf: works, with $(($(rpm --root "$place/for-dnf" -qa | wc -l) - 1)) packages of the repository"
}

# The product of the sample's connector and the agents as Debian packs them.
vendor_product() {
	"$LINKPACK" init --sample "$place/product" >/dev/null
	rm -r "$place/product/containers" "$place/product/windows" "$place/product/sites"
	mkdir "$place/product/debs"
	# shellcheck disable=SC2086 # a list
	(cd "$place/product/debs" && apt-get -q -o APT::Sandbox::User=root download $vendor_agents >/dev/null && for agent in $vendor_agents; do mv "${agent}"_*.deb "$agent.deb"; done)
	mkdir -p "$place/product/own/zabbix" "$place/product/own/snmpd" "$place/product/own/monit"
	printf '%s\n' Server=127.0.0.1 Hostname=endpoint LogType=console PidFile=agent.pid ControlSocket=agent.sock >"$place/product/own/zabbix/own.conf"
	echo 'rocommunity public 127.0.0.1' >"$place/product/own/snmpd/own.conf"
	printf '%s\n' 'set daemon 10' 'set pidfile /run/acme-monit.pid' 'set idfile /run/acme-monit.id' 'set statefile /run/acme-monit.state' \
		'set httpd port 12812 and use address 127.0.0.1 allow 127.0.0.1' >"$place/product/own/monit/own.conf"
	chmod 0600 "$place/product/own/monit/own.conf"
	{
		printf '%s\n' '[product]' 'name = "acme-monitoring"' 'title = "Acme monitoring"' 'version = "1.0.0"' 'publisher = "Acme Ltd"' \
			'contact = "Acme Ltd <support@acme.example>"' 'license = "Proprietary"' 'description = "monitoring agents under one connector"' \
			'[connector]' 'payload = { linux-x86_64 = "connector" }'
		vendor_container zabbix-agent2 '"own/zabbix"' '"usr/sbin/zabbix_agent2", "-f", "-c", "{dir}/own.conf"'
		vendor_container prometheus-node-exporter '' '"usr/bin/prometheus-node-exporter", "--web.listen-address=127.0.0.1:9100"'
		vendor_container snmpd '"own/snmpd"' '"usr/sbin/snmpd", "-f", "-Lo", "-C", "-c", "{dir}/own.conf", "udp:127.0.0.1:11161"'
		vendor_container monit '"own/monit"' '"usr/bin/monit", "-I", "-c", "{dir}/own.conf"'
	} >"$place/product/linkpack.toml"
	(cd "$place/product" && "$LINKPACK" build -q --no-cache -f deb,rpm)
}

# vendor_container PACKAGE OVERLAY COMMAND
vendor_container() {
	printf '[[container]]\nname = "%s"\ncommand = [%s]\n' "$1" "$3"
	printf 'payload = { linux-x86_64 = [{ source = "debs/%s.deb", exclude = ["etc/init.d", "usr/share"] }, %s] }\n' "$1" "$2"
}

# RPMs of what apt had to install, made by rpmbuild, whose own generator says what each provides. The root has the tools and the C
# library as files that rpm knows nothing of: one more package names them, and rtld(GNU_HASH), which glibc's spec file adds by hand.
vendor_repository() {
	mkdir -p "$place/repository"
	cp "$place"/product/dist/*.rpm "$place/repository/"
	grep -vx acme-monitoring "$place/root/tmp/installed" | while read -r package; do
		vendor_in root "dpkg -L $package" | while read -r file; do
			[ -d "$place/root$file" ] || [ ! -e "$place/root$file" ] || echo "$file"
		done | sed 's|^/lib/|/usr/lib/|' >"$place/files"
		grep -q '\.so' "$place/files" || continue
		vendor_rpm "$package" '%install' 'mkdir -p %{buildroot}' "cd $place/root" 'xargs cp -a --parents -t %{buildroot} <../names'
	done
	find "$place/for-dnf/lib/" "$place/for-dnf/usr/lib/" -name '*.so*' ! -type d | sed "s|^$place/for-dnf/|/|" >"$place/known"
	provides=$(sed "s|^|$place/for-dnf|" "$place/known" | /usr/lib/rpm/elfdeps --provides | sort -u | sed 's/^/Provides: /')
	vendor_rpm base-system "$provides" 'Provides: coreutils findutils gawk grep sed util-linux /bin/sh rtld(GNU_HASH)' '%install'
	createrepo_c --quiet "$place/repository"
}

# vendor_rpm NAME LINE...: makes it with the files in $place/files.
vendor_rpm() {
	name=$1
	shift
	{
		printf '%s\n' "Name: $name" 'Version: 1' 'Release: 1' 'Summary: of a Debian package' 'License: various'
		# As a distribution's: each library asks for its own.
		[ "$name" != base-system ] || echo 'AutoReq: no'
		printf '%s\n' "$@" | grep '^Provides: ' || :
		printf '%s\n' '%description' 'made for a test'
		printf '%s\n' "$@" | grep -v '^Provides: '
		echo '%files'
		[ "$name" = base-system ] || cat "$place/files"
	} >"$place/$name.spec"
	sed 's|^/||' "$place/files" >"$place/names"
	rpmbuild -bb --quiet --nodebuginfo -D "_rpmdir $place/repository" -D "_topdir $place/rpmbuild" -D '__os_install_post %{nil}' -D '_build_id_links none' \
		-D '_build_name_fmt %%{NAME}.rpm' -D 'debug_package %{nil}' "$place/$name.spec"
}

# vendor_in ROOT SCRIPT
# shellcheck disable=SC2016 # for the shells inside
vendor_in() {
	unshare --mount --pid --fork --kill-child --propagation private sh -euc '
		mount -t proc proc "$1/proc"
		mount -t tmpfs -o mode=0755 tmpfs "$1/run"
		mount --rbind /dev "$1/dev"
		cp /etc/resolv.conf "$1/etc/resolv.conf"
		exec chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 sh -euc "$2"' sh "$place/$1" "$2"
}

# All four have run for half a minute, and none was started twice.
vendor_runs() {
	vendor_in "$1" 'mkdir -p /run/intigua; /usr/local/intigua/vAgentManager/vlink run --root /usr/local/intigua >/tmp/vlink.log 2>&1 & sleep 30
		cat /run/intigua/status' >"$place/status"
	for agent in $vendor_agents; do
		grep -q "^container	$agent	running	[0-9]*	0" "$place/status" || {
			cat "$place/status" "$place/$1/tmp/vlink.log" "$place/$1"/var/log/intigua/*.log >&2
			die "$agent does not run" 'see above'
		}
	done
}
