#!/bin/sh
# Puts {{ name }} into the image of a disk, without booting it: installed, checked, sealed. Needs libguestfs-tools.
#   sh channels/images/virt-customize.sh IMAGE [NAME=VALUE...] [-- OPTION OF virt-customize...]
# Settings, each as NAME=VALUE:
{% for setting in settings %}
#   {{ setting.name }}: {{ setting.summary }}
{% endfor %}
set -eu
kit=$(cd -- "$(dirname -- "$0")/../.." && pwd)
run=$kit/{{ place }}
[ $# -ge 1 ] || { echo "usage: sh $0 IMAGE [NAME=VALUE...] [-- OPTION...]" >&2; exit 2; }
image=$1
shift
echo "{{ sha256 }}  $run" | sha256sum -c - >/dev/null || { echo "$run is not the file of the kit: run verify.sh" >&2; exit 1; }

# One word of the shell inside for each setting.
words=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    case $1 in
{% for setting in settings %}
        {{ setting.name }}=*) ;;
{% endfor %}
        *) echo "$1 is no setting" >&2; exit 2 ;;
    esac
    words="$words '$(printf '%s' "$1" | sed "s/'/'\\\\''/g")'"
    shift
done
[ $# = 0 ] || shift

# shellcheck disable=SC2016 # for the shell inside
exec virt-customize -a "$image" --no-network "$@" \
    --copy-in "$run:/var/tmp" \
    --run-command "sh /var/tmp/{{ file }} --image$words" \
    --run-command '"$(cat @ETC@/location.conf)/bin/linkctl" check' \
    --run-command '"$(cat @ETC@/location.conf)/bin/linkctl" seal' \
    --delete /var/tmp/{{ file }}
