# One installer at a time. The lock is on descriptor 9; whatever starts a daemon closes it first. flock(2) asks for no write
# permission, so that every user who can open the file could hold it for ever: it is root's alone. Where there is no flock, as in some
# busyboxes, the file names the process instead.

lp_lock() {
    local held
    lp_make_dir "$LP_LIB" 755 && lp_lock_renew || return 1
    lp_has flock || { lp_lock_note; return; }
    (umask 077 && : >>"$LP_LIB/lock") 2>/dev/null || return 1
    exec 9>>"$LP_LIB/lock"
    if ! flock -n 9; then
        exec 9>&-
        return 1
    fi
    # An uninstall takes the file with it: what was waited for may count no more.
    held=$(lp_lock_inode /proc/self/fd/9) || return 0
    [ "$held" = "$(lp_lock_inode "$LP_LIB/lock")" ] || lp_lock
}

lp_lock_inode() {
    local line
    line=$(ls -Ldi -- "$1" 2>/dev/null) || return 1
    # shellcheck disable=SC2086 # split on purpose: the number stands before the name
    set -- $line
    printf '%s' "$1"
}

# mkdir gives the turn to one process. It is over in a moment: one that lasts has been left by a process that was killed.
lp_lock_note() {
    local turn try held
    turn=$LP_LIB/.lp-turn try=0 held=0
    until mkdir "$turn" 2>/dev/null; do
        try=$((try + 1))
        if [ "$try" = 10 ]; then rmdir "$turn" 2>/dev/null || return 1; fi
        [ "$try" -le 10 ] || return 1
        sleep 1
    done
    if lp_lock_is_noted; then held=1; else lp_lock_process $$ | lp_write "$LP_LIB/lock" 600 || held=1; fi
    rmdir "$turn"
    return "$held"
}

# Whether the process that the file names lives, and is another one.
lp_lock_is_noted() {
    local noted
    noted=$(cat "$LP_LIB/lock" 2>/dev/null) || return 1
    case ${noted%% *} in '' | "$$" | *[!0-9]*) return 1 ;; esac
    kill -0 "${noted%% *}" 2>/dev/null && [ "$noted" = "$(lp_lock_process "${noted%% *}")" ]
}

# The number of a process and the time when it began (proc(5), the 22nd field of stat), since numbers are used again.
lp_lock_process() {
    local line
    IFS='' read -r line 2>/dev/null <"/proc/$1/stat" || line=
    # shellcheck disable=SC2086 # split on purpose: what follows the name of the program
    set -- "$1" ${line##*) }
    printf '%s %s\n' "$1" "${21:-}"
}

# For the later steps of a package, whose first one has found the lock free: what holds it is about to end.
lp_lock_wait() {
    local second
    second=0
    until lp_lock; do
        [ "$second" -lt 60 ] || return 1
        sleep 1
        second=$((second + 1))
    done
}

# Asks without changing anything: no lock file, no installer. Only root can ask.
lp_lock_is_free() {
    [ -f "$LP_LIB/lock" ] && [ "$(id -u)" = 0 ] || return 0
    if lp_lock_is_open; then
        if lp_lock_is_an_installers; then return 1; else return 0; fi
    fi
    if ! lp_has flock; then
        if lp_lock_is_noted; then return 1; else return 0; fi
    fi
    (exec 9<"$LP_LIB/lock" && flock -n -s 9) 2>/dev/null
}

# Installers before this one made a lock that everybody could open.
lp_lock_is_open() {
    [ ! -L "$LP_LIB/lock" ] && lp_ls "$LP_LIB/lock" && [ "$lp_ls_uid" = 0 ] || return 0
    case $lp_ls_mode in -rw-------*) return 1 ;; esac
}

# Of the processes that hold such a lock only root's count. Installers hold it on descriptor 9; of a set-uid program the first of the
# four numbers is its caller.
lp_lock_is_an_installers() {
    local held key uid rest
    for held in /proc/[0-9]*/fd/9; do
        [ "$(readlink "$held" 2>/dev/null)" = "$LP_LIB/lock" ] || continue
        while read -r key uid rest; do
            [ "$key$uid" != Uid:0 ] || return 0
        done 2>/dev/null <"${held%/fd/9}/status"
    done
    return 1
}

# Replaces such a lock. `.lp-0-lock` lets one at a time do so: the next one finds nothing left to replace.
lp_lock_renew() {
    [ -e "$LP_LIB/lock" ] || [ -L "$LP_LIB/lock" ] || return 0
    lp_lock_is_open || return 0
    ! lp_lock_is_an_installers || return 1
    (
        umask 077
        exec 8>>"$LP_LIB/.lp-0-lock" && flock 8 || exit 1
        ! lp_lock_is_open || rm -f "$LP_LIB/lock"
        : >>"$LP_LIB/lock"
        rm -f "$LP_LIB/.lp-0-lock"
    )
}
