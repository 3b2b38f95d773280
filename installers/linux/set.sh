# linkctl set: settings that change, and what has to follow them.

# set KEY=VALUE...: all values are checked first. What goes wrong later is taken back.
lp_linkctl_set() {
    local word code
    code=0
    for word in "$@"; do
        lp_set_word "$word" || code=2
    done
    if [ "$code" = 0 ] && [ -z "$lp_options" ]; then
        lp_error 'set needs KEY=VALUE' 'the command line' "KEY is one of $LP_SETTABLE"
        code=2
    fi
    [ "$code" = 0 ] || { lp_set_report 2 refused 'the settings are wrong; nothing was changed' none; return; }
    lp_needs_root || { lp_set_report 10 refused 'this must run as root' none; return; }
    lp_set_is_free && lp_set_apply
}

lp_set_is_free() {
    ! lp_lock || [ -f "$LP_LIB/journal" ] || return 0
    lp_error 'an installation is under way' "$LP_LIB" 'wait until it has ended; one that was interrupted is finished by installing again'
    lp_set_report 16 refused 'an installation is under way' none
}

# One word of the command line; a value is never shown.
lp_set_word() {
    local key fault
    [ "$1" != --json ] || return 0
    key=${1%%=*}
    case $1 in *=*) ;; *) key= ;; esac
    if ! lp_is_setting "$key"; then
        lp_error "an argument is no setting$(lp_shown_key "$key")" 'the command line' "linkctl set KEY=VALUE; KEY is one of $LP_SETTABLE"
        return 1
    fi
    case " $LP_SETTABLE " in
        *" $key "*) fault=$(lp_setting_fault "$key" "${1#*=}") ;;
        *) fault='is decided by an installation: install the package again with it' ;;
    esac
    if [ "$key" = CORE_ID ] && [ "$lp_old_image" = 1 ] && [ -z "$(lp_identity)" ] && [ -n "${1#*=}" ] && ! lp_service_is_active; then
        fault='cannot go into an image: every clone would have it'
    fi
    if [ -n "$fault" ]; then
        lp_error "$key $fault" 'the command line' 'correct it and try again; nothing was changed'
        return 1
    fi
    lp_option "$key" "${1#*=}"
}

lp_set_apply() {
    local key
    for key in $LP_SETTINGS; do eval "lp_f_$key=ignored"; done
    for key in $LP_SETTABLE; do eval "lp_v_$key="; done
    lp_settings_options
    [ -n "$lp_v_CONTAINERS" ] || lp_v_CONTAINERS='*'
    lp_config_only=1
    lp_set_commit set
}

# lp_set_commit OUTCOME: csclient.cfg is written and the service follows; or all is as it was.
lp_set_commit() {
    local saved
    saved=$lp_root/.linkpack/set lp_config_sum=$lp_old_config_sum
    if ! { rm -rf "$saved" && mkdir -m 700 "$saved" && lp_config_keep "$saved"; } || ! lp_config_write; then
        lp_set_back "$saved"
        lp_error 'the settings could not be written; nothing was changed' "$(lp_config_file)" 'see the messages above: space and permissions there'
        lp_set_report 30 failed 'the settings could not be written; nothing was changed' none
        return
    fi
    if ! lp_set_follow "$saved" "$1"; then
        lp_set_back "$saved"
        lp_service_do restart || :
        lp_error "$LP_SERVICE did not come up with these settings; the old ones are back" "$(lp_config_file)" 'see linkctl logs'
        lp_set_report 31 rolled_back "$LP_SERVICE did not come up with these settings; the old ones are back" restarted
        return
    fi
    rm -rf "$saved"
    lp_set_above
    lp_set_report 0 "$lp_set_outcome" "$lp_set_outcome:${lp_options:- the settings${lp_site_name:+ of the site $lp_site_name}}; $LP_SERVICE: $lp_set_service" "$lp_set_service"
}

lp_set_back() {
    if [ -d "$1" ]; then lp_config_restore "$1" || lp_warn "the old settings are in $1"; fi
    rm -rf "$1"
}

# The service follows: by a signal where that is enough, else by a restart. Where it does not run it has nothing to do.
lp_set_follow() {
    local pid
    lp_set_outcome=$2 lp_set_service=stopped
    lp_config_copy "$1/csclient.now" || return 1
    if [ -f "$1/csclient.cfg" ] && lp_same_text "$1/csclient.cfg" "$1/csclient.now"; then
        lp_set_outcome=unchanged lp_set_service=untouched
        return 0
    fi
    lp_service_is_active || return 0
    lp_set_service=restarted
    if pid=$(lp_service_pid) && lp_set_is_signal_enough "$pid"; then
        lp_set_service=reloaded
        # shellcheck disable=SC2016 # expanded by the inner shell
        lp_as "$lp_v_RUN_AS" sh -c 'kill -HUP "$1"' sh "$pid" </dev/null || return 1
    else
        lp_service_do restart || :
    fi
    lp_service_came_up
}

# Which containers run: the reference connector reads that anew on SIGHUP. It is known by its status file, and by its handler.
lp_set_is_signal_enough() {
    [ "$lp_options" = ' CONTAINERS' ] || return 1
    lp_status_load
    printf '%s\n' "$lp_status_text" | awk -F '\t' -v pid="$1" '$1 == "connector" && $2 == "running" && $3 == pid { found = 1 } END { exit !found }' || return 1
    case $(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status") in *[13579bdf]) return 0 ;; *) return 1 ;; esac
}

# Sources above "linkctl set" would win at the next upgrade: the answer file is the administrator's own; debconf is given the same answer.
lp_set_above() {
    local key value question
    for key in $lp_options; do
        ! grep -q "^[[:space:]]*$key=" "$LP_ETC/install.conf" 2>/dev/null ||
            lp_warn "$LP_ETC/install.conf sets $key, too: the next upgrade takes its value"
        [ "$lp_old_channel" = deb ] && lp_has debconf-communicate || continue
        eval "value=\$lp_v_$key"
        question=${LP_PACKAGE:-$LP_PRODUCT}/$(printf '%s' "$key" | tr '[:upper:]' '[:lower:]')
        case $(printf 'GET %s\n' "$question" | DEBIAN_FRONTEND=noninteractive debconf-communicate 2>/dev/null 9>&-) in
            '0 '?*) printf 'SET %s %s\n' "$question" "$value" | DEBIAN_FRONTEND=noninteractive debconf-communicate >/dev/null 2>&1 9>&- ||
                lp_warn "debconf has another answer for $key: the next upgrade takes it" ;;
        esac
    done
}

# lp_set_report CODE OUTCOME MESSAGE SERVICE: returns the code.
lp_set_report() {
    if [ "$lp_json_stdout" = 1 ]; then
        printf '{ "outcome": %s, "exit_code": %s, "settings": [%s ], "service": %s, "message": %s }\n' "$(lp_json "$2")" "$1" \
            "$(lp_set_names)" "$(lp_json "$4")" "$(lp_json "$3")"
    elif [ "$1" = 0 ]; then lp_say "$3"
    fi
    return "$1"
}

lp_set_names() {
    local key comma
    comma=
    for key in $lp_options; do
        printf '%s "%s"' "$comma" "$key"
        comma=,
    done
}
