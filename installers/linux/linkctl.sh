# linkctl: the administrator's door to an installed connector.

lp_usage() {
    printf '%s\n' 'usage: linkctl VERB [OPTION]' \
        '  status [--json]             the connector and its containers; exit code 3 when it does not run,' \
        '                              33 when a container ends again and again or has died' \
        '  status --nagios             one line for Nagios and its kin; exit code 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN' \
        '  status --prometheus FILE    writes FILE, for the textfile collector of the node exporter' \
        '  start | stop | restart      the service' \
        '  check [--core] [--json]     is everything in place? exit code 1 when not, 33 as for status;' \
        '                              with --core also when the core server cannot be reached' \
        '  containers [--json]         the containers and how they are' \
        '  logs [NAME] [-f] [-n N]     a log: the connector'"'"'s, or that of a container or of "install"; -f follows it' \
        '  set KEY=VALUE... [--json]   change settings: all of them, or none where one is wrong; the service follows.' \
        "                              KEY is one of $LP_SETTABLE" \
        '  apply [--json]              take up what install.conf, debconf and the site package say now; the service follows' \
        '  seal [--json]               remove identity, certificates, queues and logs: the machine becomes a template' \
        '  uninstall [--purge]         remove it; --purge also identity, queues, logs and what was edited' \
        '  purge                       have the next rpm -e remove these, too' \
        '  --help, --version' \
        'Exit codes: 0 done; 2 usage, or a wrong value; 10 not root; 16 busy; 30 failed; 31 the service did not come up.'
}

lp_json_stdout=0 lp_purge=0 lp_checks_only=0 lp_status_text='' lp_core=0 lp_status_form='' lp_status_file=''

main() {
    local verb word
    lp_init
    verb=${1:-}
    [ $# = 0 ] || shift
    for word in "$@"; do
        case $word in
            --json) lp_json_stdout=1 ;;
            --nagios) lp_status_form=nagios ;;
        esac
    done
    case $verb in
        '' | help | --help | -h) lp_usage; [ -n "$verb" ] || return 2; return 0 ;;
        --version) printf '%s %s\n' "$LP_PRODUCT" "$LP_VERSION"; return 0 ;;
        status | start | restart | stop | check | containers | logs | set | apply | seal | purge | uninstall) ;;
        *) lp_linkctl_usage "unknown verb: $(lp_shown_word "$verb")"; return ;;
    esac
    if ! lp_state_load; then
        [ "$lp_status_form" != nagios ] || { lp_nagios_unknown 'nothing is installed here'; return; }
        lp_error 'nothing is installed here' "$LP_LIB/state is missing" 'install a package of the product'
        return 30
    fi
    lp_root=$lp_old_root lp_v_RUN_AS=$lp_old_run_as lp_v_IMAGE=$lp_old_image
    case $verb in
        logs | set) ;;
        *) lp_linkctl_flags "$verb" "$@" || return ;;
    esac
    case $verb in
        status)
            case $lp_status_form in
                nagios) lp_nagios ;;
                prometheus) lp_prometheus "$lp_status_file" ;;
                *) lp_status ;;
            esac ;;
        start | restart) lp_linkctl_start "$verb" ;;
        stop) lp_needs_root || return; lp_service_stop || { lp_error "$LP_SERVICE does not stop" "$lp_root" "see linkctl logs"; return 30; } ;;
        check) lp_linkctl_check ;;
        containers) lp_status_load; lp_show "$(if [ "$lp_json_stdout" = 1 ]; then lp_containers_json; else lp_containers_text; fi)" ;;
        logs) lp_logs "$@" ;;
        set) lp_linkctl_set "$@" ;;
        apply) lp_linkctl_apply ;;
        seal) lp_seal ;;
        purge) lp_linkctl_purge ;;
        uninstall) lp_uninstall "$lp_purge" ;;
    esac
}

# A word of the command line as it may be shown: whatever follows "=", or has not the form of a verb or an option, may be a secret.
lp_shown_word() {
    case ${1%%=*} in
        '' | *[!a-z-]*) printf 'an argument' ;;
        *) printf '%s' "${1%%=*}" ;;
    esac
}

lp_linkctl_usage() {
    case $lp_status_form in nagios*) lp_nagios_unknown "$1"; return ;; esac
    lp_error "$1" 'the command line' "${2:-see linkctl --help}"
    [ "$lp_json_stdout" = 0 ] || printf '{ "ok": false, "exit_code": 2, "message": %s }\n' "$(lp_json "$1")"
    return 2
}

# lp_linkctl_flags VERB FLAG...
lp_linkctl_flags() {
    local verb
    verb=$1
    shift
    while [ $# -gt 0 ]; do
        case $verb,$1 in
            *,--json) ;;
            *,--purge) lp_purge=1 ;;
            check,--core) lp_core=1 ;;
            status,--nagios) ;;
            status,--prometheus=*) lp_status_form=$lp_status_form,prometheus lp_status_file=${1#*=} ;;
            status,--prometheus)
                [ $# -ge 2 ] || { lp_linkctl_usage '--prometheus needs a file'; return; }
                lp_status_form=$lp_status_form,prometheus lp_status_file=$2
                shift ;;
            *) lp_linkctl_usage "unknown argument: $(lp_shown_word "$1")"; return ;;
        esac
        shift
    done
    lp_status_form=${lp_status_form#,}
    case $lp_status_form,$lp_json_stdout in
        ,* | nagios,0 | prometheus,0) ;;
        *) lp_linkctl_usage 'only one of --json, --nagios and --prometheus at a time' ;;
    esac
}

# A reader that goes away early (`linkctl status | head`) is no fault.
lp_show() {
    printf '%s\n' "$1" 2>/dev/null || :
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
        lp_service_reload
    fi
    lp_service_do "$1" || :
    if lp_service_came_up; then return 0; fi
    lp_error "$LP_SERVICE did not come up" "see $(lp_service_where)" 'linkctl check says what is missing'
    return 31
}

# What should be there and is not: one row each, as in the checks before an installation.
lp_linkctl_check() {
    local row
    for row in $(lp_service_expected); do lp_check_file "${row%%=*}" "${row#*=}"; done
    lp_check location 1 "$LP_ETC/location.conf" "$([ "$(lp_location)" = "$lp_root" ] || printf 'does not name the root')" "$lp_root" 'install the package again'
    lp_check config 1 "$(lp_config_file)" "$(lp_config_mode_fault)" 'there, for its account only' "chown $lp_old_run_as $(lp_quote "$(lp_config_file)"); chmod 600 $(lp_quote "$(lp_config_file)")"
    lp_check files 1 "$lp_root" "$(lp_check_files)" 'as installed' 'install the package again'
    lp_check state 1 "$LP_LIB/state" "$([ "$lp_state_cut" = 0 ] || printf 'is missing or cut')" 'whole' 'install the package again'
    lp_check version 1 "$lp_root" "$(lp_rolled_back)" "$lp_old_version" 'install a corrected version'
    lp_check_running
    lp_check_core
    if [ "$lp_json_stdout" = 1 ]; then
        lp_show "$(printf '{ "ok": %s, "exit_code": %s, "checks": [ %s ] }' "$([ "$lp_check_code" = 0 ] && printf true || printf false)" "$lp_check_code" "$lp_checks")"
    elif [ "$lp_check_code" = 0 ]; then
        lp_say 'everything is in place'
    fi
    return "$lp_check_code"
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

# A template is not started before its clones are. One that has an identity has been started.
lp_check_running() {
    local rest row name
    if lp_service_is_active; then lp_check running 1 '' '' 'the service runs' ''
    elif lp_is_template; then
        lp_check running 1 '' '' 'this machine is a template: its next boot starts the service' ''
        return
    else
        lp_check running 1 '' 'the service does not run' '' 'linkctl start'
        return
    fi
    lp_containers_failing
    [ -n "$lp_failing" ] || { lp_check containers 33 '' '' "$(if [ -n "$lp_status_text" ]; then printf 'none has died or ends again and again'; else printf 'the connector does not say'; fi)" ''; return; }
    rest=$lp_failing
    while [ -n "$rest" ]; do
        row=${rest%%"$lp_nl"*} rest=${rest#"${rest%%"$lp_nl"*}"}
        rest=${rest#"$lp_nl"} name=${row%%	*}
        lp_check containers 33 "$lp_root/$LP_N_CONTAINERS/$name" "container $name ${row#*	}$(lp_log_end "$name" | sed '1s/^/the last lines of its log:\
/' | sed '1s/^/; /')" '' "linkctl logs $name"
    done
}
lp_nl=$(printf '\n.')
lp_nl=${lp_nl%.}

lp_check_file() {
    lp_check "$1" 1 "$2" "$([ -e "$2" ] || printf 'is missing')" 'there' 'install the package again'
}

lp_config_mode_fault() {
    lp_ls "$(lp_config_file)" || { printf 'is missing'; return; }
    case $lp_ls_mode in -rw-------*) ;; *) printf 'has mode %s' "$lp_ls_mode" ;; esac
}

# Files that are missing or altered, configuration files apart.
lp_check_files() {
    local version missing
    case $lp_old_channel in
        deb) missing=$(dpkg -V "$lp_old_package" 2>/dev/null | awk '$2 != "c"') ;;
        rpm) missing=$(rpm -V --noscripts --nodeps "$lp_old_package" 2>/dev/null | awk '$2 != "c" && $2 != "g"') ;;
        *)
            version=$lp_root/versions/$(lp_versions_current)
            missing=$(lp_files_damage "$version" | cut -c 3-) ;;
    esac
    [ -z "$missing" ] || printf 'not as installed: %s' "$(printf '%s' "$missing" | head -n 5 | tr '\n' ';')"
}
