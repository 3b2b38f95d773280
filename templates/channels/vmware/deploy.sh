#!/bin/bash
# Installs, upgrades or removes the agent on many Linux machines of a vCenter, by govc and VMware Tools. Needs govc, jq, xargs.
#   GOVC_URL=https://vcenter GOVC_USERNAME=... GOVC_PASSWORD_FILE=FILE GUEST_PASSWORD_FILE=FILE deploy.sh install|uninstall machines.csv
# GUEST_USER: root when not given. JOBS: machines at a time, 8. REPORT: a folder, report. A machine whose REPORT/NAME.done is there is left out.
# Packages, settings, codes, time-outs and pauses stand in facts.json beside this file. deploy.py does more: Windows, HTML, user data.
# Exit codes: 0 every machine is done, 1 some are not, 2 usage. govc was not at hand where this was tested: read by shellcheck only.
set -u
here=$(cd "$(dirname "$0")" && pwd)
facts=$here/facts.json
report=${REPORT:-report}

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 2
}

fact() { jq -er "$1" "$facts"; }

# One line of a file that nobody else can read.
secret() {
    case $(stat -c %a "$1") in *00) head -n 1 "$1" ;; *) fail "$1 can be read by others: chmod 600 $1" ;; esac
}

# again SECONDS COMMAND...: until it succeeds or its failure is no passing one, with growing pauses.
again() {
    local end pause factor max code
    end=$(($(date +%s) + $1))
    shift
    pause=$(fact .retry.first) factor=$(fact .retry.factor) max=$(fact .retry.max)
    while :; do
        "$@" && return
        code=$?
        # 16: another installation runs. Of govc itself: 1.
        case $code in 1 | 16) ;; *) return "$code" ;; esac
        [ "$(awk -v now="$(date +%s)" -v pause="$pause" -v end="$end" 'BEGIN { print (now + pause > end) }')" = 0 ] || return "$code"
        sleep "$pause"
        pause=$(awk -v pause="$pause" -v factor="$factor" -v max="$max" 'BEGIN { next_one = pause * factor; print (next_one > max ? max : next_one) }')
    done
}

# The guest's program ends with a code of its own, which govc hands on.
guest_run() { govc guest.run -vm "$vm" "$@" >/dev/null; }

install_one() {
    local folder file place sum seconds code words key value
    file=${package:-$(fact '[.packages[] | select(.kind == "run")] | if length == 1 then .[0].file else error("name one in the column package") end')} || return 2
    place=$here/../../$(jq -er --arg file "$file" '.packages[] | select(.file == $file) | .place' "$facts") || return 2
    sum=$(jq -er --arg file "$file" '.packages[] | select(.file == $file) | .sha256' "$facts")
    seconds=$(fact .timeouts.install)
    words=()
    while IFS='=' read -r key value; do
        jq -e --arg key "$key" 'any(.settings[]; .name == $key)' "$facts" >/dev/null || { echo "no setting $key" >&2; return 2; }
        [ -z "$value" ] || words+=("$key=$value")
    done <<<"$settings"
    folder=$(again "$(fact .timeouts.reach)" govc guest.mktemp -vm "$vm" -d -p /var/tmp -t agent-) || return 1
    again "$(fact .timeouts.upload)" govc guest.upload -vm "$vm" -f -perm 384 "$place" "$folder/agent.run" || return 1
    # shellcheck disable=SC2016 # expanded in the guest
    again "$seconds" guest_run /bin/sh -c 'sum=$1 file=$2 seconds=$3; shift 3
        case $(sha256sum "$file") in "$sum "*) ;; *) exit 99 ;; esac
        rm -f "${file%/*}/result.json"
        case $(sh "$file" --help) in *--result*) set -- --result "${file%/*}/result.json" "$@" ;; esac
        exec timeout -k 30 "$seconds" sh "$file" --if-needed --quiet "$@"' \
        sh "$sum" "$folder/agent.run" "$seconds" "${words[@]}"
    code=$?
    govc guest.download -vm "$vm" -f "$folder/result.json" "$report/$key_of_vm.json" >/dev/null 2>&1 || echo "install.json could not be read" >&2
    govc guest.rmdir -vm "$vm" -r "$folder" || echo "$folder is left in the guest" >&2
    return "$code"
}

uninstall_one() {
    # shellcheck disable=SC2016 # expanded in the guest
    again "$(fact .timeouts.uninstall)" guest_run /bin/sh -c '[ -f @ETC@/location.conf ] || exit 0
        root=$(cat @ETC@/location.conf); [ -x "$root/bin/linkctl" ] || exit 0; exec "$root/bin/linkctl" uninstall'
}

# One machine, in a process of its own: its row is a JSON object that xargs hands over.
if [ "${1:-}" = --one ]; then
    operation=$2 row=$3
    vm=$(jq -r .name <<<"$row") package=$(jq -r '.package // ""' <<<"$row")
    key_of_vm=$(sha256sum <<<"$vm" | cut -c 1-16)
    settings=$(jq -r 'to_entries[] | select(.key | IN("name", "os", "user", "package") | not) | "\(.key)=\(.value)"' <<<"$row")
    code=0
    "${operation}_one" || code=$?
    meaning=$(jq -r --argjson code "$code" '([.exit_codes[] | select(.code == $code) | .meaning] + ["failed"])[0]' "$facts")
    jq -nc --arg name "$vm" --arg operation "$operation" --argjson code "$code" --arg meaning "$meaning" '{name: $name, operation: $operation, exit_code: $code, meaning: $meaning}' \
        >"$report/$key_of_vm.row"
    [ "$code" != 0 ] || touch "$report/$key_of_vm.$operation.done"
    printf '%-30s %3d  %s\n' "$vm" "$code" "$meaning"
    exit 0
fi

operation=${1:-} csv=${2:-}
case $operation in install | uninstall) ;; upgrade) operation=install ;; *) fail 'usage: deploy.sh install|upgrade|uninstall machines.csv' ;; esac
[ -f "$csv" ] || fail "there is no $csv"
for tool in govc jq xargs; do command -v "$tool" >/dev/null || fail "$tool is not in PATH"; done
GOVC_PASSWORD=$(secret "${GOVC_PASSWORD_FILE:?names the file of the password at the vCenter}") || exit 2
GOVC_GUEST_LOGIN=${GUEST_USER:-root}:$(secret "${GUEST_PASSWORD_FILE:?names the file of the password in the guests}") || exit 2
export GOVC_PASSWORD GOVC_GUEST_LOGIN REPORT="$report"
[ -d "$report" ] || mkdir -m 700 "$report" || exit 2
rm -f "$report"/*.row
# A field in quotes is not read: values with commas need deploy.py.
! grep -q '"' "$csv" || fail "$csv has quotes, which this script does not read: use deploy.py"
jq -cRn '[inputs | rtrimstr("\r") | select(length > 0 and (startswith("#") | not)) | split(",")] | .[0] as $head
    | .[1:][] | [$head, .] | transpose | map(select(.[1] != null and .[1] != "") | {key: .[0], value: .[1]}) | from_entries' <"$csv" |
    while IFS= read -r row; do
        key_of_vm=$(jq -r .name <<<"$row" | sha256sum | cut -c 1-16)
        [ -e "$report/$key_of_vm.$operation.done" ] || printf '%s\0' "$row"
    done | xargs -0 -r -P "${JOBS:-8}" -n 1 "$0" --one "$operation"
[ "$(cat "$report"/*.row 2>/dev/null | jq -s 'all(.exit_code == 0)')" = true ]
