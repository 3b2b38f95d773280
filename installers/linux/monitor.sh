# linkctl status for monitoring: one line for Nagios and its kin, a file for Prometheus's textfile collector.

# lp_nagios: OK 0, WARNING 1, CRITICAL 2 by the Monitoring Plugins' guidelines; lp_nagios_unknown is the 3.
lp_nagios() {
    local state code text running all
    lp_containers_failing
    running=$(lp_containers_rows | awk -F '\t' '$2 == "running" { n++ } END { print n + 0 }')
    all=$(lp_containers_rows | awk 'END { print NR }')
    state=OK code=0 text="$lp_old_package $lp_old_version runs"
    if ! lp_service_is_active; then
        if [ "$lp_old_image" = 1 ] && [ "$(id -u)" != 0 ]; then lp_nagios_unknown 'only root can tell a template from a service that was stopped'; return
        elif lp_is_template; then text="$lp_old_package $lp_old_version is a template, started by its next boot"
        else state=CRITICAL code=2 text="$lp_old_package $lp_old_version does not run"
        fi
    elif [ -n "$lp_failing" ]; then
        state=CRITICAL code=2
        text="$text; $(printf '%s\n' "$lp_failing" | awk -F '\t' '{ printf "%scontainer %s %s", (NR > 1 ? "; " : ""), $1, $2 }')"
    elif [ -n "$lp_status_text" ]; then text="$text; $running of $all containers run"
    else text="$text; its connector says nothing of the containers"
    fi
    if [ "$code" = 0 ] && [ -n "$(lp_rolled_back)" ]; then state=WARNING code=1 text="$text; $(lp_rolled_back)"; fi
    if [ "$code" = 0 ] && [ "$lp_state_cut" = 1 ]; then state=WARNING code=1 text="$text; $LP_LIB/state is missing or cut"; fi
    lp_show "$(lp_nagios_line "$state" "$text")|$(lp_containers_rows | awk -F '\t' -v failing="$(printf '%s' "$lp_failing" | grep -c .)" '
        $2 == "running" { running++ } { restarts += $4 }
        END { printf "containers=%d;;;0;%d failing=%d;;0;0 restarts=%dc;;;0", running, NR, failing, restarts }')"
    return "$code"
}

# What stands behind | is for programs, and a second line for nobody.
lp_nagios_line() {
    printf '%s %s - %s' "$(printf '%s' "$LP_SERVICE" | tr '[:lower:]' '[:upper:]')" "$1" "$(printf '%s' "$2" | tr '|\n' '/ ' | tr -d '\001-\037\177')"
}

lp_nagios_unknown() {
    lp_show "$(lp_nagios_line UNKNOWN "$1")"
    return 3
}

# The text format of Prometheus, version 0.0.4.
lp_prometheus_text() {
    local up template rolled_back
    up=0 template=0 rolled_back=0
    ! lp_service_is_active || up=1
    [ "$(id -u)" != 0 ] || ! lp_is_template || template=1
    [ -z "$(lp_rolled_back)" ] || rolled_back=1
    { printf '%s\n--\n' "$lp_failing"; lp_containers_rows; } | awk -F '\t' -v our="$LP_N_METRIC" -v up="$up" -v template="$template" -v rolled_back="$rolled_back" \
        -v package="$lp_old_package" -v version="$lp_old_version" -v channel="$lp_old_channel" '
        function label(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return "\"" s "\"" }
        function head(name, type, help) { printf "# HELP %s_%s %s\n# TYPE %s_%s %s\n", our, name, help, our, name, type }
        function one(name, help, value) { head(name, "gauge", help); printf "%s_%s %d\n", our, name, value }
        function each(name, type, help, values, i) {
            if (count) head(name, type, help)
            for (i = 1; i <= count; i++) printf "%s_%s{container=%s} %d\n", our, name, label(names[i]), values[i]
        }
        $0 == "--" { part++; next }
        !part { if ($1 != "") failing[$1] = 1; next }
        { names[++count] = $1; runs[count] = $2 == "running"; restarts[count] = $4; fails[count] = $1 in failing }
        END {
            one("up", "Whether the service runs.", up)
            one("template", "Whether this machine is a template: its next boot starts the service.", template)
            one("rolled_back", "Whether a version did not come up and the one before was put back.", rolled_back)
            head("info", "gauge", "What is installed.")
            printf "%s_info{package=%s,version=%s,channel=%s} 1\n", our, label(package), label(version), label(channel)
            each("container_running", "gauge", "Whether the container runs.", runs)
            each("container_failing", "gauge", "Whether the container has died or ends again and again.", fails)
            each("container_restarts_total", "counter", "How often the container was started again since the connector started.", restarts)
        }'
}

# lp_prometheus FILE: whole or not at all, never through a link, with the rights of the account whose folder it lies in.
lp_prometheus() {
    local file folder name code lp_as_limit
    file=$1 code=0 lp_as_limit=60
    case $file in
        */ | '') lp_linkctl_usage '--prometheus needs a file'; return ;;
        /*) ;;
        *) file=$PWD/$file ;;
    esac
    name=${file##*/}
    # shellcheck disable=SC2164 # its failure is looked at
    folder=$(cd -P -- "${file%/*}/" 2>/dev/null && pwd -P) || { lp_linkctl_usage "the folder of $file is not there"; return; }
    if [ -L "$folder/$name" ] || { [ -e "$folder/$name" ] && [ ! -f "$folder/$name" ]; }; then
        lp_linkctl_usage "$file is a link, or no plain file" 'name a plain file, or one that is not there'
        return
    fi
    lp_containers_failing
    # shellcheck disable=SC2016 # expanded by the inner shell
    lp_prometheus_text | lp_as "$(lp_folder_account "$folder")" sh -c '
        umask 022
        cd "$1" && set -C && cat >"$2" && [ ! -L "$3" ] && { mv -fT "$2" "$3" 2>/dev/null || mv -f "$2" "$3"; } || { rm -f "$2"; exit 1; }' \
        sh "$folder" "./.lp-$$-$(lp_random)" "./$name" || code=30
    [ "$code" = 0 ] || lp_error "$file could not be written" "$folder" 'see space and permissions there'
    return "$code"
}
