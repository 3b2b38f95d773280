# One installer at a time. The lock is on descriptor 9; whatever starts a daemon closes it first.

lp_lock() {
    lp_make_dir "$LP_LIB" 755 || return 1
    exec 9>>"$LP_LIB/lock" || return 1
    flock -n 9
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

lp_unlock() {
    exec 9>&-
}

# Asks without changing anything: no lock file, no installer.
lp_lock_is_free() {
    [ -f "$LP_LIB/lock" ] || return 0
    (exec 9<"$LP_LIB/lock" && flock -n -s 9) 2>/dev/null
}
