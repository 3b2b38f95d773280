# linkctl: the administrator's door to an installed connector.

lp_usage() {
    printf '%s\n' 'usage: linkctl VERB [OPTION]' \
        '  status [--json]             the connector and its containers; exit code 3 when it does not run' \
        '  start | stop | restart      the service' \
        '  check [--json]              is everything in place? exit code 1 when not' \
        '  containers [--json]         the containers and how they are' \
        '  logs [NAME] [-f] [-n N]     a log: the connector'"'"'s, or that of a container or of "install"' \
        '  seal [--json]               remove identity, certificates, queues and logs: the machine becomes a template' \
        '  uninstall [--purge]         remove it; --purge also identity, queues, logs and what was edited' \
        '  purge                       have the next rpm -e remove these, too' \
        '  --help, --version'
}

lp_json_stdout=0 lp_purge=0 lp_checks_only=0

main() {
    local verb
    lp_init
    verb=${1:-}
    [ $# = 0 ] || shift
    case $verb in
        '' | help | --help | -h) lp_usage; [ -n "$verb" ] || return 2; return 0 ;;
        --version) printf '%s %s\n' "$LP_PRODUCT" "$LP_VERSION"; return 0 ;;
    esac
    if ! lp_state_load; then
        lp_error 'nothing is installed here' "$LP_LIB/state is missing" 'install a package of the product'
        return 30
    fi
    lp_root=$lp_old_root lp_v_RUN_AS=$lp_old_run_as lp_v_IMAGE=$lp_old_image
    [ "$verb" = logs ] || lp_linkctl_flags "$@" || return
    case $verb in
        status) lp_status ;;
        start | restart) lp_linkctl_start "$verb" ;;
        stop) lp_needs_root || return; lp_service_stop || { lp_error "$LP_SERVICE does not stop" "$lp_root" "see linkctl logs"; return 30; } ;;
        check) lp_linkctl_check ;;
        containers) lp_containers ;;
        logs) lp_logs "$@" ;;
        seal) lp_seal ;;
        purge) lp_linkctl_purge ;;
        uninstall) lp_uninstall "$lp_purge" ;;
        *) lp_error "unknown verb: $verb" 'the command line' 'see linkctl --help'; return 2 ;;
    esac
}

lp_linkctl_flags() {
    local flag
    for flag in "$@"; do
        case $flag in
            --json) lp_json_stdout=1 ;;
            --purge) lp_purge=1 ;;
            *) lp_error "unknown argument: $flag" 'the command line' 'see linkctl --help'; return 2 ;;
        esac
    done
}

lp_needs_root() {
    [ "$(id -u)" = 0 ] && return
    lp_error 'this must run as root' "uid $(id -u)" 'run it with sudo'
    return 10
}

# A start also finishes what a killed upgrade left behind.
lp_linkctl_start() {
    lp_needs_root || return
    if [ "$lp_old_channel" = run ] && [ -f "$LP_LIB/journal" ]; then
        lp_lock || { lp_error 'an installation is running' "$LP_LIB/lock" 'wait until it has ended'; return 16; }
        LP_CHANNEL=run
        # Before the repair, which may put the unit of an older version back.
        lp_service_write && lp_versions_repair || return 30
        LP_CHANNEL=
        [ "$(lp_live)" != systemd ] || systemctl --system daemon-reload
    fi
    lp_service_do "$1" || :
    if lp_service_came_up; then return 0; fi
    lp_error "$LP_SERVICE did not come up" "$LP_LOG/$LP_SERVICE.log" 'see linkctl logs'
    return 31
}

# The rows that the connector writes; a foreign connector may write none.
lp_status_rows() {
    [ ! -f "$LP_RUN/status" ] || awk -F '\t' -v kind="$1" '$1 == kind' "$LP_RUN/status"
}

lp_status() {
    local running code
    running=stopped code=3
    if lp_service_is_active; then running=running code=0; fi
    if [ "$lp_json_stdout" = 1 ]; then
        printf '{ "service": "%s", "product": %s, "version": %s, "root": %s, "channel": %s,\n  "core_id": %s, "containers": %s }\n' "$running" \
            "$(lp_json "$lp_old_package")" "$(lp_json "$lp_old_version")" "$(lp_json "$lp_root")" "$(lp_json "$lp_old_channel")" \
            "$(lp_json "$(lp_config_value vlinkCoreId)")" "$(lp_containers_json)"
        return "$code"
    fi
    printf '%s %s is %s (%s, .%s)\n' "$lp_old_package" "$lp_old_version" "$running" "$lp_root" "$lp_old_channel"
    printf 'identity: %s\n' "$(lp_config_value vlinkCoreId)"
    lp_containers_text
    return "$code"
}

lp_containers() {
    if [ "$lp_json_stdout" = 1 ]; then
        printf '%s\n' "$(lp_containers_json)"
    else
        lp_containers_text
    fi
}

# NAME STATE PID RESTARTS VERSION DETAIL of every container: the connector's word, else "unknown".
lp_containers_rows() {
    local dir name row
    for dir in "$lp_root"/Intigua-Libs/*/; do
        [ -d "$dir" ] || continue
        name=${dir%/}
        name=${name##*/}
        row=
        lp_service_is_active && row=$(lp_status_rows container | awk -F '\t' -v name="$name" '$2 == name' | tail -n 1)
        if [ -n "$row" ]; then printf '%s\n' "${row#container	}"
        else printf '%s\tunknown\t0\t0\t\t\n' "$name"
        fi
    done
}

lp_containers_text() {
    lp_containers_rows | awk -F '\t' '{ printf "  %-20s %-9s pid %-7s restarts %-4s %s %s\n", $1, $2, $3, $4, $5, $6 }'
}

lp_containers_json() {
    lp_containers_rows | awk -F '\t' '
        function text(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return "\"" s "\"" }
        BEGIN { printf "[" }
        { printf "%s { \"name\": %s, \"state\": %s, \"pid\": %d, \"restarts\": %d, \"version\": %s, \"detail\": %s }", (NR > 1 ? "," : ""), text($1), text($2), $3, $4, text($5), text($6) }
        END { printf " ]" }'
}

# What should be there and is not: one row each, as in the checks before an installation.
lp_linkctl_check() {
    local unit
    unit=$(lp_unit_file)
    lp_check_file service "$unit" && lp_check_file init "/etc/init.d/$LP_SERVICE"
    lp_check_file link "/etc/rc3.d/S30$LP_SERVICE" && lp_check_file link "/etc/rc5.d/S30$LP_SERVICE"
    lp_check location 1 "$LP_ETC/location.conf" "$([ "$(lp_location)" = "$lp_root" ] || printf 'does not name the root')" "$lp_root" 'install the package again'
    lp_check config 1 "$(lp_config_file)" "$(lp_config_mode_fault)" 'there, for its account only' "chown $lp_old_run_as $(lp_quote "$(lp_config_file)"); chmod 600 $(lp_quote "$(lp_config_file)")"
    lp_check files 1 "$lp_root" "$(lp_check_files)" 'as installed' 'install the package again'
    lp_check state 1 "$LP_LIB/state" "$([ "$lp_state_cut" = 0 ] || printf 'is missing or cut')" 'whole' 'install the package again'
    lp_check version 1 "$lp_root" "$(lp_linkctl_rolled_back)" "$lp_old_version" 'install a corrected version'
    if lp_state_is_image; then lp_check running 1 '' '' 'this machine is a template: its next boot starts the service' ''
    else lp_check running 1 '' "$(lp_service_is_active || printf 'the service does not run')" 'the service runs' 'linkctl start'
    fi
    if [ "$lp_json_stdout" = 1 ]; then
        printf '{ "ok": %s, "checks": [ %s ] }\n' "$([ "$lp_check_code" = 0 ] && printf true || printf false)" "$lp_checks"
    elif [ "$lp_check_code" = 0 ]; then
        lp_say 'everything is in place'
    fi
    return "$lp_check_code"
}

lp_linkctl_rolled_back() {
    [ ! -f "$LP_LIB/rolled_back" ] ||
        printf 'version %s did not come up, and %s was put back' "$(lp_value "$LP_LIB/rolled_back" version)" "$lp_old_version"
}

# rpm has no purge: the next removal, however it is called, is told to take all along.
lp_linkctl_purge() {
    lp_needs_root || return
    case $lp_old_channel in
        rpm)
            printf '%s\n' "$lp_old_package" | lp_write "$LP_LIB/purge-next" 600 || return 30
            lp_say "rpm -e $lp_old_package now removes identity, queues, logs and edited files too" ;;
        deb) lp_say "dpkg --purge $lp_old_package removes identity, queues, logs and edited files too" ;;
        *) lp_say "$(lp_quote "$lp_root/bin/linkctl") uninstall --purge removes identity, queues, logs and edited files too" ;;
    esac
}

lp_check_file() {
    lp_check "$1" 1 "$2" "$([ -e "$2" ] || printf 'is missing')" 'there' 'install the package again'
}

lp_config_mode_fault() {
    lp_ls "$(lp_config_file)" || { printf 'is missing'; return; }
    case $lp_ls_mode in -rw-------*) ;; *) printf 'has mode %s' "$lp_ls_mode" ;; esac
}

# Files that are missing; contents are the package managers' to verify.
lp_check_files() {
    local version missing
    case $lp_old_channel in
        deb) missing=$(dpkg -V "$lp_old_package" 2>/dev/null | awk '$2 != "c"') ;;
        rpm) missing=$(rpm -V --noscripts "$lp_old_package" 2>/dev/null | awk '$2 != "c" && $2 != "g"') ;;
        *)
            version=$lp_root/versions/$(lp_versions_current)
            missing=$(lp_files_differences "$version" | sed -n 's/^- //p') ;;
    esac
    [ -z "$missing" ] || printf 'not as installed: %s' "$(printf '%s' "$missing" | head -n 5 | tr '\n' ';')"
}

lp_logs() {
    local name lines follow
    name=$LP_SERVICE lines=100 follow=
    while [ $# -gt 0 ]; do
        case $1 in
            -f) follow=-f ;;
            -n)
                shift
                lines=${1:-} ;;
            -* | */* | *..*) lp_error "unknown argument: $1" 'the command line' 'linkctl logs [NAME] [-f] [-n N]'; return 2 ;;
            *) name=$1 ;;
        esac
        shift
    done
    case $lines in '' | *[!0-9]*) lp_error '-n needs a number' 'the command line' 'linkctl logs -n 50'; return 2 ;; esac
    if [ ! -f "$LP_LOG/$name.log" ]; then
        lp_error "there is no log of $name" "$LP_LOG" "there are: $(find "$LP_LOG" -name '*.log' 2>/dev/null | sed 's|.*/||; s|\.log$||' | sort | tr '\n' ' ')"
        return 30
    fi
    # shellcheck disable=SC2086 # one optional flag
    tail -n "$lines" $follow "$LP_LOG/$name.log"
}
