# Seal: make this machine a template whose clones are strangers to each other.

# Removes identity, certificates, queues, logs; returns the exit code.
lp_seal() {
    local list
    [ "$(id -u)" = 0 ] || { lp_error 'this must run as root' "uid $(id -u)" 'run it with sudo'; return 10; }
    lp_has xargs || { lp_error 'seal needs xargs, which is missing' '' 'install it with the package manager'; return 15; }
    if lp_purge_is_mounted "$lp_root/components"; then
        lp_error 'a file system is mounted at or below components; nothing was removed' "$lp_root/components" 'unmount it, then seal'
        return 30
    fi
    lp_lock || { lp_error 'an installation is running' "$LP_LIB/lock" 'wait until it has ended'; return 16; }
    if ! lp_service_stop; then
        lp_error "$LP_SERVICE is still running" 'a running connector would make a new identity at once' 'stop it, then seal again'
        return 30
    fi
    list=$(lp_seal_list) || return 30
    lp_seal_remove || { lp_error 'not all could be removed' "$(lp_seal_list | lp_seal_shown | head -n 5 | tr '\n' ' ')" 'remove the cause and seal again'; return 30; }
    lp_seal_identity || { lp_error 'the identity could not be removed' "$(lp_config_file)" 'make it a plain, writable file and seal again'; return 30; }
    lp_service_dirs || lp_warn "the log files could not be made again in $LP_LOG"
    lp_seal_report "$list"
}

# What a clone must not inherit, one path a line; a newline inside a name is the byte \001. Working directories hold queues and
# certificates: all but settings goes. install.json stays: it says how this machine was installed.
lp_seal_list() {
    {
        lp_seal_as "$lp_root/components" find "$lp_root/components" -mindepth 1 -maxdepth 1 ! -name csclient.cfg -print0
        lp_seal_as "$LP_LOG" find "$LP_LOG" -mindepth 1 -maxdepth 1 ! -name install.json -print0
        lp_seal_as "$LP_RUN" find "$LP_RUN" -mindepth 1 -maxdepth 1 -print0
        lp_seal_paths | while IFS= read -r lp_row; do lp_seal_matches "$lp_row"; done
    } 2>/dev/null | tr '\n\000' '\001\n'
}

# A folder of the account is looked at and emptied with its rights.
lp_seal_as() {
    local dir
    dir=$1
    shift
    [ -d "$dir" ] && [ ! -L "$dir" ] || return 0
    lp_ls "$dir" || return 1
    if [ "$lp_ls_uid" = 0 ]; then "$@"; else lp_as "$lp_old_run_as" "$@"; fi
}

# Deleted where it is found, so that no name is ever read back from a list.
lp_seal_remove() {
    cd / || return
    lp_seal_as "$lp_root/components" find "$lp_root/components" -mindepth 1 ! -path "$lp_root/components/csclient.cfg" -delete 2>/dev/null || lp_seal_afresh || return 1
    lp_seal_as "$LP_LOG" find "$LP_LOG" -mindepth 1 ! -path "$LP_LOG/install.json" -delete &&
        lp_seal_as "$LP_RUN" find "$LP_RUN" -mindepth 1 -delete || return 1
    lp_seal_paths | while IFS= read -r lp_row; do
        lp_seal_matches "$lp_row" | xargs -0 rm -rf -- || exit 1
    done
}

# What another account than the folder's owner has left there: a new folder takes the place of the old one, which is out of reach then.
lp_seal_afresh() {
    local fresh
    fresh=$lp_root/.linkpack/components.new
    rm -rf "$fresh" && mkdir -m 755 "$fresh" || return 1
    if lp_config_copy "$fresh/csclient.cfg"; then lp_give "$fresh/csclient.cfg" || return 1; fi
    lp_give "$fresh" || return 1
    lp_purge_tree "$lp_root/components" && mv "$fresh" "$lp_root/components"
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
            printf '%s\000' "$lp_root/$lp_match"
        done
    )
}

# A CORE_ID that was given once is not written again (lp_config_core_id_is_new). The state says that this is a template.
lp_seal_identity() {
    lp_config_forget && lp_state_change image 1
}

lp_seal_shown() {
    tr '\001' ' '
}

lp_seal_report() {
    if [ "$lp_json_stdout" = 1 ]; then
        printf '{ "sealed": true, "root": %s, "removed": [' "$(lp_json "$lp_root")"
        printf '%s: vlinkCoreId, vlinkMachineId\n%s\n' "$(lp_config_file)" "$1" | lp_seal_shown | {
            lp_comma=
            while IFS= read -r lp_row; do
                [ -z "$lp_row" ] || { printf '%s %s' "$lp_comma" "$(lp_json "$lp_row")"; lp_comma=,; }
            done
        }
        printf ' ] }\n'
        return
    fi
    printf 'removed %s: vlinkCoreId, vlinkMachineId\n' "$(lp_config_file)"
    printf '%s\n' "$1" | lp_seal_shown | while IFS= read -r lp_row; do
        [ -z "$lp_row" ] || printf 'removed %s\n' "$lp_row"
    done
    printf 'sealed: the next boot starts %s, which makes a new identity\n' "$LP_SERVICE"
}
