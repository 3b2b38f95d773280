# One installer at a time. The lock is on descriptor 9; whatever starts a daemon closes it first.

lp_lock() {
    lp_make_dir "$LP_LIB" 755 || return 1
    exec 9>>"$LP_LIB/lock" || return 1
    flock -n 9
}

lp_unlock() {
    exec 9>&-
}

# Asks without changing anything: no lock file, no installer.
lp_lock_is_free() {
    [ -f "$LP_LIB/lock" ] || return 0
    (exec 9<"$LP_LIB/lock" && flock -n -s 9) 2>/dev/null
}
