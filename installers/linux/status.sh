# linkctl status and containers: how the connector and its containers are.

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

# Installed with IMAGE=1 or sealed, and not started since. Who is not root sees no identity, and cannot tell.
lp_is_template() {
    [ "$lp_old_image" = 1 ] && [ -z "$(lp_identity)" ]
}

# A version that did not come up, and was put back.
lp_rolled_back() {
    [ ! -f "$LP_LIB/rolled_back" ] ||
        printf 'version %s did not come up, and %s was put back' "$(lp_value "$LP_LIB/rolled_back" version)" "$lp_old_version"
}

# NAME STATE PID RESTARTS VERSION DETAIL of every container: the connector's word, else "unknown".
lp_containers_rows() {
    local dir name row
    for dir in "$lp_root/$LP_N_CONTAINERS"/*/; do
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
