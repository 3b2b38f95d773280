# Uninstall as a user calls it, from the .run or by linkctl.

# lp_uninstall PURGE(0|1): returns the exit code.
lp_uninstall() {
    [ "$(id -u)" = 0 ] || { lp_error 'this must run as root' "uid $(id -u)" 'run it with sudo'; return 10; }
    # A first installation that was killed has a journal, and no state yet.
    if [ ! -f "$LP_LIB/state" ] && [ -f "$LP_LIB/journal" ] && [ "$(lp_journal channel)" = run ]; then
        lp_lock || { lp_error 'another installation is running' "$LP_LIB/lock" 'wait until it has ended'; return 16; }
        lp_versions_repair
    fi
    if ! lp_state_load; then
        lp_say 'nothing is installed'
        return 0
    fi
    case $lp_old_channel in
        deb) lp_uninstall_by dpkg "$([ "$1" = 1 ] && printf %s --purge || printf %s --remove)" "$lp_old_product"; return ;;
        rpm) lp_uninstall_by rpm -e "$lp_old_product"; return ;;
    esac
    lp_lock || { lp_error 'another installation is running' "$LP_LIB/lock" 'wait until it has ended'; return 16; }
    lp_root=$lp_old_root
    lp_leave_begin
    if [ "$1" = 0 ]; then lp_uninstall_keep; fi
    cd /
    lp_leave_end "$1"
    lp_say "$lp_old_product $lp_old_version is removed from $lp_old_root"
    [ ! -d "$lp_old_root" ] || lp_say "what you made or edited is still in $lp_old_root"
}

# The package manager's own scripts do the same work; its database has to know.
lp_uninstall_by() {
    lp_say "running: $*"
    "$@" >&2 || { lp_error "$1 failed" "$*" 'see its messages above'; return 30; }
}

# What an administrator added or edited within the version survives it, below <root>/kept.
lp_uninstall_keep() {
    local version
    version=$(lp_versions_current)
    [ -n "$version" ] && [ -f "$lp_root/versions/$version/.files" ] || return 0
    version=$lp_root/versions/$version
    { lp_files_added "$version"; lp_files_edited "$version"; } | while IFS= read -r lp_row; do
        lp_files_copy "$version" "$lp_root/kept" "$lp_row" || lp_warn "could not keep $lp_row"
    done
}
