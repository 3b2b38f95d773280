# Seal: make this machine a template whose clones are strangers to each other.

# Removes identity, certificates, queues, logs; returns the exit code.
lp_seal() {
    local removed path
    [ "$(id -u)" = 0 ] || { lp_error 'this must run as root' "uid $(id -u)" 'run it with sudo'; return 10; }
    lp_lock || { lp_error 'an installation is running' "$LP_LIB/lock" 'wait until it has ended'; return 16; }
    if ! lp_service_stop; then
        lp_error "$LP_SERVICE is still running" 'a running connector would make a new identity at once' 'stop it, then seal again'
        return 30
    fi
    removed=$(lp_seal_list)
    printf '%s\n' "$removed" | while IFS= read -r path; do
        [ -z "$path" ] || rm -rf "$path" || exit 1
    done || { lp_error 'not all could be removed' "$lp_root" 'remove the cause and seal again'; return 30; }
    lp_seal_identity || { lp_error 'the identity could not be removed' "$(lp_config_file)" 'make it writable and seal again'; return 30; }
    lp_seal_report "$removed"
}

# What a clone must not inherit, one path a line. Working directories hold queues and certificates: all but settings.
lp_seal_list() {
    find "$lp_root/components" -mindepth 1 -maxdepth 1 ! -name csclient.cfg 2>/dev/null
    find "$LP_LOG" -mindepth 1 -maxdepth 1 2>/dev/null
    find "$LP_RUN" -mindepth 1 -maxdepth 1 2>/dev/null
    lp_seal_paths | while IFS= read -r lp_row; do
        lp_seal_matches "$lp_row"
    done
}

# Patterns of the product's own (seal paths of the manifest), relative to the root; a pattern never leaves it.
lp_seal_matches() {
    case /$1/ in */../* | //) return ;; esac
    (
        cd "$lp_root" || exit 0
        IFS=
        # shellcheck disable=SC2086 # the pattern is to be expanded; IFS is empty, so nothing splits
        for lp_match in $1; do
            [ -e "$lp_match" ] || [ -L "$lp_match" ] || continue
            printf '%s\n' "$lp_root/$lp_match"
        done
    )
}

lp_seal_identity() {
    lp_config_forget
}

lp_seal_report() {
    if [ "$lp_json_stdout" = 1 ]; then
        printf '{ "sealed": true, "root": %s, "removed": [' "$(lp_json "$lp_root")"
        printf '%s: vlinkCoreId, vlinkMachineId\n%s\n' "$(lp_config_file)" "$1" | {
            lp_comma=
            while IFS= read -r lp_row; do
                [ -z "$lp_row" ] || { printf '%s %s' "$lp_comma" "$(lp_json "$lp_row")"; lp_comma=,; }
            done
        }
        printf ' ] }\n'
        return
    fi
    printf 'removed %s: vlinkCoreId, vlinkMachineId\n' "$(lp_config_file)"
    printf '%s\n' "$1" | while IFS= read -r lp_row; do
        [ -z "$lp_row" ] || printf 'removed %s\n' "$lp_row"
    done
    printf 'sealed: the next boot starts %s, which makes a new identity\n' "$LP_SERVICE"
}
