# linkctl: the administrator's door to an installed connector.

lp_usage() {
    printf '%s\n' 'usage: linkctl VERB [OPTION]' \
        '  status [--json]             the connector and its containers; exit code 3 when it does not run,' \
        '                              33 when a container ends again and again or has died' \
        '  start | stop | restart      the service' \
        '  check [--json]              is everything in place? exit code 1 when not, 33 as for status' \
        '  containers [--json]         the containers and how they are' \
        '  logs [NAME] [-f] [-n N]     a log: the connector'"'"'s, or that of a container or of "install"; -f follows it' \
        '  set KEY=VALUE... [--json]   change settings: all of them, or none where one is wrong; the service follows.' \
        "                              KEY is one of $LP_SETTABLE" \
        '  seal [--json]               remove identity, certificates, queues and logs: the machine becomes a template' \
        '  uninstall [--purge]         remove it; --purge also identity, queues, logs and what was edited' \
        '  purge                       have the next rpm -e remove these, too' \
        '  --help, --version' \
        'Exit codes: 0 done; 2 usage, or a wrong value; 10 not root; 16 busy; 30 failed; 31 the service did not come up.'
}

lp_json_stdout=0 lp_purge=0 lp_checks_only=0 lp_status_text=''
LP_SETTABLE="$LP_SETTINGS_KEPT CORE_ID"

main() {
    local verb word
    lp_init
    verb=${1:-}
    [ $# = 0 ] || shift
    for word in "$@"; do
        [ "$word" != --json ] || lp_json_stdout=1
    done
    case $verb in
        '' | help | --help | -h) lp_usage; [ -n "$verb" ] || return 2; return 0 ;;
        --version) printf '%s %s\n' "$LP_PRODUCT" "$LP_VERSION"; return 0 ;;
        status | start | restart | stop | check | containers | logs | set | seal | purge | uninstall) ;;
        *) lp_linkctl_usage "unknown verb: $(lp_shown_word "$verb")"; return ;;
    esac
    if ! lp_state_load; then
        lp_error 'nothing is installed here' "$LP_LIB/state is missing" 'install a package of the product'
        return 30
    fi
    lp_root=$lp_old_root lp_v_RUN_AS=$lp_old_run_as lp_v_IMAGE=$lp_old_image
    case $verb in
        logs | set) ;;
        *) lp_linkctl_flags "$@" || return ;;
    esac
    case $verb in
        status) lp_status ;;
        start | restart) lp_linkctl_start "$verb" ;;
        stop) lp_needs_root || return; lp_service_stop || { lp_error "$LP_SERVICE does not stop" "$lp_root" "see linkctl logs"; return 30; } ;;
        check) lp_linkctl_check ;;
        containers) lp_status_load; lp_show "$(if [ "$lp_json_stdout" = 1 ]; then lp_containers_json; else lp_containers_text; fi)" ;;
        logs) lp_logs "$@" ;;
        set) lp_linkctl_set "$@" ;;
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
    lp_error "$1" 'the command line' "${2:-see linkctl --help}"
    [ "$lp_json_stdout" = 0 ] || printf '{ "ok": false, "exit_code": 2, "message": %s }\n' "$(lp_json "$1")"
    return 2
}

lp_linkctl_flags() {
    local flag
    for flag in "$@"; do
        case $flag in
            --json) ;;
            --purge) lp_purge=1 ;;
            *) lp_linkctl_usage "unknown argument: $(lp_shown_word "$flag")"; return ;;
        esac
    done
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

# What the connector says of itself, as long as the process lives that wrote it; a foreign connector may say nothing.
lp_status_load() {
    local pid
    lp_status_text=$(lp_take "$LP_RUN/status" 1048576 | tr -d '\001-\010\013-\037\177')
    pid=$(printf '%s\n' "$lp_status_text" | awk -F '\t' '$1 == "connector" { print $3; exit }')
    case $pid in '' | *[!0-9]*) pid=0 ;; esac
    [ -d "/proc/$pid" ] || lp_status_text=
}

lp_status() {
    local running code
    running=stopped code=3
    if lp_service_is_active; then running=running code=0; fi
    lp_containers_failing
    [ "$code" != 0 ] || [ -z "$lp_failing" ] || code=33
    if [ "$lp_json_stdout" = 1 ]; then
        lp_show "$(printf '{ "service": "%s", "product": %s, "version": %s, "root": %s, "channel": %s,\n  "core_id": %s, "rolled_back": %s, "containers": %s }' "$running" \
            "$(lp_json "$lp_old_package")" "$(lp_json "$lp_old_version")" "$(lp_json "$lp_root")" "$(lp_json "$lp_old_channel")" \
            "$(lp_json "$(lp_identity)")" "$(if [ -n "$(lp_rolled_back)" ]; then printf true; else printf false; fi)" "$(lp_containers_json)")"
        return "$code"
    fi
    lp_show "$(
        printf '%s %s is %s (%s, .%s)\n' "$lp_old_package" "$lp_old_version" "$running" "$lp_root" "$lp_old_channel"
        if [ "$(id -u)" = 0 ]; then printf 'identity: %s\n' "$(lp_identity)"; else printf 'identity: shown to root only\n'; fi
        lp_containers_text
        lp_failing_shown
        lp_rolled_back
    )"
    return "$code"
}

lp_identity() {
    [ "$(id -u)" != 0 ] || lp_config_value vlinkCoreId
}

# A version that did not come up, and was put back.
lp_rolled_back() {
    [ ! -f "$LP_LIB/rolled_back" ] ||
        printf 'version %s did not come up, and %s was put back' "$(lp_value "$LP_LIB/rolled_back" version)" "$lp_old_version"
}

# NAME STATE PID RESTARTS VERSION DETAIL of every container: the connector's word, else "unknown".
lp_containers_rows() {
    local dir name row
    for dir in "$lp_root"/Intigua-Libs/*/; do
        [ -d "$dir" ] || continue
        name=${dir%/}
        name=${name##*/}
        row=$(printf '%s\n' "$lp_status_text" | awk -F '\t' -v name="$name" '$1 == "container" && $2 == name { row = $0 } END { if (row != "") print row }')
        if [ -n "$row" ]; then printf '%s\n' "${row#container	}"
        else printf '%s\tunknown\t0\t0\t\t\n' "$name"
        fi
    done
}

# Rows "NAME <tab> what is wrong" of containers that have died or end again and again, in lp_failing. One that waits, or has been started
# again within the last minute, is looked at twice: it may have recovered.
lp_containers_failing() {
    local first
    lp_failing=
    lp_status_load
    [ -n "$lp_status_text" ] || return 0
    first=$lp_status_text
    if lp_containers_suspect; then
        sleep 3
        lp_status_load
        [ -n "$lp_status_text" ] || lp_status_text=$first
    fi
    lp_failing=$(printf '%s\n--\n%s\n' "$first" "$lp_status_text" | awk -F '\t' '
        $0 == "--" { second = 1 }
        $1 != "container" { next }
        !second { restarts[$2] = $5; state[$2] = $3; next }
        $3 == "failed" { print $2 "\thas died" ($7 == "-" ? "" : ": " $7); next }
        $3 == "waiting" && (state[$2] == "waiting" || $5 > 0) || ($2 in restarts) && $5 > restarts[$2] + (state[$2] == "waiting") {
            print $2 "\tends again and again (restarts: " $5 ")" ($7 == "-" ? "" : ": " $7)
        }')
}

lp_containers_suspect() {
    local name state pid restarts rest tab
    tab=$(printf '\t')
    lp_containers_rows | while IFS=$tab read -r name state pid restarts rest; do
        case $state in
            waiting) exit 1 ;;
            running) [ "${restarts:-0}" = 0 ] || [ "$(lp_process_age "$pid")" -gt 60 ] || exit 1 ;;
        esac
    done
    [ $? != 0 ]
}

# Seconds since a process was started; many where that is not known.
lp_process_age() {
    case $1 in '' | *[!0-9]*) echo 99999; return ;; esac
    cat /proc/uptime "/proc/$1/stat" 2>/dev/null | awk '
        NR == 1 { up = $1 }
        NR == 2 { sub(/.*\) /, ""); age = int(up - $20 / 100) }
        END { print NR >= 2 ? age : 99999 }'
}

lp_failing_shown() {
    [ -z "$lp_failing" ] || printf '%s\n' "$lp_failing" | while IFS='	' read -r lp_name lp_why; do
        printf 'container %s %s\n%s\n' "$lp_name" "$lp_why" "$(lp_log_end "$lp_name")"
    done
}

# The last lines of a log, for a sentence: without what a terminal would obey.
lp_log_end() {
    lp_log_tail "$1" 5 2>/dev/null | tr -d '\001-\010\013-\037\177' | sed 's/^/    /'
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
    local level
    lp_check_file service "$(lp_unit_file)"
    [ ! -d /etc/init.d ] || lp_check_file init "/etc/init.d/$LP_SERVICE"
    # OpenRC keeps links of its own.
    [ ! -d /etc/init.d ] || [ "$(lp_live)" = openrc ] || for level in 3 5; do
        [ ! -d "/etc/rc$level.d" ] || lp_check_file link "/etc/rc$level.d/S30$LP_SERVICE"
    done
    lp_check location 1 "$LP_ETC/location.conf" "$([ "$(lp_location)" = "$lp_root" ] || printf 'does not name the root')" "$lp_root" 'install the package again'
    lp_check config 1 "$(lp_config_file)" "$(lp_config_mode_fault)" 'there, for its account only' "chown $lp_old_run_as $(lp_quote "$(lp_config_file)"); chmod 600 $(lp_quote "$(lp_config_file)")"
    lp_check files 1 "$lp_root" "$(lp_check_files)" 'as installed' 'install the package again'
    lp_check state 1 "$LP_LIB/state" "$([ "$lp_state_cut" = 0 ] || printf 'is missing or cut')" 'whole' 'install the package again'
    lp_check version 1 "$lp_root" "$(lp_rolled_back)" "$lp_old_version" 'install a corrected version'
    lp_check_running
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
    elif [ "$lp_old_image" = 1 ] && [ -z "$(lp_identity)" ]; then
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
        lp_check containers 33 "$lp_root/Intigua-Libs/$name" "container $name ${row#*	}$(lp_log_end "$name" | sed '1s/^/the last lines of its log:\
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
            -f) follow=-F ;;
            -n)
                lines=${2:-}
                [ $# -lt 2 ] || shift ;;
            -* | */* | *..*) lp_linkctl_usage "unknown argument: $(lp_shown_word "$1")" 'linkctl logs [NAME] [-f] [-n N]'; return ;;
            *) name=$1 ;;
        esac
        shift
    done
    case $lines in '' | *[!0-9]*) lp_linkctl_usage '-n needs a number' 'linkctl logs -n 50'; return ;; esac
    if ! lp_log_is_file "$name" && ! lp_log_is_journal "$name"; then
        if [ -d "$lp_root/Intigua-Libs/$name" ] || [ "$name" = "$LP_SERVICE" ]; then
            lp_error "$name has written no log yet" "$LP_LOG" "there are: $(lp_log_names)"
            return 30
        fi
        lp_linkctl_usage 'there is no log of that name' "there are: $(lp_log_names)"
        return
    fi
    lp_log_tail "$name" "$lines" $follow
}

lp_log_names() {
    {
        ! lp_log_is_journal "$LP_SERVICE" || printf '%s\n' "$LP_SERVICE"
        find "$LP_LOG" -mindepth 1 -maxdepth 1 -type f -name '*.log' 2>/dev/null | sed 's|.*/||; s|\.log$||'
    } | sort -u | tr '\n' ' '
}

# A log that lies in a folder of root's, or of its reader's, is no trap.
lp_log_is_file() {
    [ -f "$LP_LOG/$1.log" ] && [ ! -L "$LP_LOG/$1.log" ] && { [ "$1" != "$LP_SERVICE" ] || [ -s "$LP_LOG/$1.log" ] || ! lp_log_has_journal; }
}

lp_log_has_journal() {
    [ "$(lp_live)" = systemd ] && lp_has journalctl
}

# The connector's own lines are in the journal where it has no file.
lp_log_is_journal() {
    [ "$1" = "$LP_SERVICE" ] && lp_log_has_journal && ! lp_log_is_file "$1"
}

# lp_log_tail NAME LINES [-F]: a file is followed by its name, which a rotation gives to another file.
lp_log_tail() {
    if lp_log_is_journal "$1"; then
        journalctl --no-pager -u "$LP_SERVICE.service" -n "$2" ${3:+-f}
    elif lp_log_is_file "$1"; then
        lp_as "$(lp_folder_account "$LP_LOG")" tail -n "$2" ${3:+"$3"} "$LP_LOG/$1.log"
    fi
}

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
    if ! lp_lock || [ -f "$LP_LIB/journal" ]; then
        lp_error 'an installation is under way' "$LP_LIB" 'wait until it has ended; one that was interrupted is finished by installing again'
        lp_set_report 16 refused 'an installation is under way' none
        return
    fi
    lp_set_apply
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
    local saved key
    saved=$lp_root/.linkpack/set
    for key in $LP_SETTINGS; do eval "lp_f_$key=ignored"; done
    lp_v_SERVER_URL='' lp_v_FALLBACK_URLS='' lp_v_CORE_ID='' lp_v_TOKEN_FILE='' lp_v_CONTAINERS=''
    lp_settings_options
    [ -n "$lp_v_CONTAINERS" ] || lp_v_CONTAINERS='*'
    lp_config_only=1 lp_config_sum=$lp_old_config_sum
    if ! { rm -rf "$saved" && mkdir -m 700 "$saved" && lp_config_keep "$saved"; } || ! lp_config_write; then
        lp_set_back "$saved"
        lp_error 'the settings could not be written; nothing was changed' "$(lp_config_file)" 'see the messages above: space and permissions there'
        lp_set_report 30 failed 'the settings could not be written; nothing was changed' none
        return
    fi
    if ! lp_set_follow "$saved"; then
        lp_set_back "$saved"
        lp_service_do restart || :
        lp_error "$LP_SERVICE did not come up with these settings; the old ones are back" "$(lp_config_file)" 'see linkctl logs'
        lp_set_report 31 rolled_back "$LP_SERVICE did not come up with these settings; the old ones are back" restarted
        return
    fi
    rm -rf "$saved"
    lp_set_above
    lp_set_report 0 "$lp_set_outcome" "$lp_set_outcome:$lp_options; $LP_SERVICE: $lp_set_service" "$lp_set_service"
}

lp_set_back() {
    if [ -d "$1" ]; then lp_config_restore "$1" || lp_warn "the old settings are in $1"; fi
    rm -rf "$1"
}

# The service follows: by a signal where that is enough, else by a restart. Where it does not run it has nothing to do.
lp_set_follow() {
    local pid
    lp_set_outcome=set lp_set_service=stopped
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
