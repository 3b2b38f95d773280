#!/bin/sh
# Makes an image by one tool, in the root that scripts/campaign channels made; the kit lies in /srv/kit.
set -eu

# A setting has moved the root; what was sealed has no identity.
is_sealed() {
	grep -q '^serverUrl: ' "$1"
	! grep -q vlinkCoreId "$1"
}

case $1 in
packer)
	echo "version: $(CHECKPOINT_DISABLE=1 packer version | head -n 1)"
	export CHECKPOINT_DISABLE=1
	ip link set lo up
	ssh-keygen -q -t rsa -b 3072 -m PEM -N '' -f /root/id
	install -d -m 700 /root/.ssh
	cp /root/id.pub /root/.ssh/authorized_keys
	/usr/sbin/sshd -p 2222 -o ListenAddress=127.0.0.1 -o UsePAM=no -o PubkeyAcceptedAlgorithms=+ssh-rsa
	cd /srv/kit
	# shellcheck disable=SC2016 # a value that means something to shells
	set -- -var port=2222 -var private_key_file=/root/id -var install_root=/opt/agent -var 'token_file=/etc/o'\''hara $(id)' channels/images/packer
	packer validate "$@"
	packer build -color=false "$@"
	# shellcheck disable=SC2016
	grep -qF 'tokenFile: "/etc/o'\''hara $(id)"' /opt/agent/components/csclient.cfg
	is_sealed /opt/agent/components/csclient.cfg
	;;
buildah)
	echo "version: buildah $(buildah version | sed -n 's/^Version: *//p')"
	export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
	# On another file system than what goes into the base.
	mkdir -p /var/lib/containers
	mount -t tmpfs tmpfs /var/lib/containers
	tar --one-file-system -C / -cf /var/lib/containers/base.tar .
	base=$(buildah from scratch)
	buildah add -q "$base" /var/lib/containers/base.tar / >/dev/null
	buildah commit -q "$base" localhost/base
	buildah bud --format docker -f /srv/kit/channels/images/Containerfile --build-arg BASE=localhost/base --build-arg INSTALL_ROOT=/opt/agent -t agent /srv/kit
	buildah inspect --type image agent | grep -q CMD-SHELL
	buildah run "$(buildah from agent)" -- cat /opt/agent/components/csclient.cfg >/tmp/csclient.cfg
	is_sealed /tmp/csclient.cfg
	;;
autoinstall)
	echo "version: autoinstall.yaml, by PyYAML and sh with stubs"
	ln -s / /target
	cp /srv/inside/wget /srv/inside/curtin /usr/local/bin
	sed 's,#INSTALL_ROOT=,INSTALL_ROOT=/opt/agent,' /srv/kit/channels/images/autoinstall.yaml >/tmp/autoinstall.yaml
	python3 -c 'import subprocess, yaml
for command in yaml.safe_load(open("/tmp/autoinstall.yaml"))["autoinstall"]["late-commands"]:
    subprocess.run(["sh", "-c", command], check=True)'
	is_sealed /opt/agent/components/csclient.cfg
	;;
esac
