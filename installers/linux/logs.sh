# linkctl logs.

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
        if [ -d "$lp_root/$LP_N_CONTAINERS/$name" ] || [ "$name" = "$LP_SERVICE" ]; then
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
