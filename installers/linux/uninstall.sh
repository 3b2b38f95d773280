# Uninstall as a user calls it, from the .run or by linkctl.

# lp_uninstall PURGE(0|1): returns the exit code.
lp_uninstall() {
    [ "$(id -u)" = 0 ] || { lp_error 'this must run as root' "uid $(id -u)" 'run it with sudo'; return 10; }
    # A first installation that was killed has a journal, and no state yet.
    if [ -f "$LP_LIB/journal" ] && [ "$(lp_journal channel)" = run ] && { [ ! -f "$LP_LIB/state" ] || [ -n "$(lp_journal over)" ]; }; then
        lp_lock || { lp_error 'another installation is running' "$LP_LIB/lock" 'wait until it has ended'; return 16; }
        lp_versions_repair
    fi
    if ! lp_state_load; then
        lp_uninstall_left "$1"
        return
    fi
    if [ "$lp_old_product" != "$LP_PRODUCT" ] && [ "$lp_old_package" != "$LP_PACKAGE" ]; then
        lp_error "$lp_old_product $lp_old_version is installed, and this is $LP_PRODUCT" "$lp_old_root" \
            "to remove $lp_old_product: $(lp_quote "$lp_old_root/bin/linkctl") uninstall"
        return 17
    fi
    if lp_state_root_missing && [ "$1" = 0 ]; then
        lp_error "the root $lp_old_root is not there" "$LP_LIB/state names it" \
            'mount its file system and try again; if it is gone for good: --uninstall --purge'
        return 12
    fi
    case $lp_old_channel in
        deb) lp_uninstall_by dpkg "$([ "$1" = 1 ] && printf %s --purge || printf %s --remove)" "$lp_old_package" && lp_uninstalled "$1"; return ;;
        rpm)
            [ "$1" = 0 ] || printf '%s\n' "$lp_old_package" | lp_write "$LP_LIB/purge-next" 600 || return 30
            lp_uninstall_by rpm -e "$lp_old_package" && lp_uninstalled "$1"
            return ;;
    esac
    lp_lock || { lp_error 'another installation is running' "$LP_LIB/lock" 'wait until it has ended'; return 16; }
    lp_root=$lp_old_root
    lp_leave_stop || { lp_error 'the removal could not be recorded; nothing was removed' "$LP_LIB" 'free space there and try again'; return 30; }
    if [ "$1" = 0 ]; then lp_uninstall_keep; fi
    cd /
    lp_leave_versions "$lp_root"
    lp_removed "$lp_old_package" run
    [ "$1" = 0 ] || lp_purge "$lp_old_package"
    lp_uninstalled "$1"
}

# What is reported as removed is gone.
lp_uninstalled() {
    local name left
    left=
    for name in versions current .linkpack; do [ ! -e "$lp_old_root/$name" ] || left="$left $name"; done
    if [ "$1" = 1 ]; then
        for name in components kept $LP_TREES; do [ ! -e "$lp_old_root/$name" ] || left="$left $name"; done
    fi
    if [ -n "$left" ]; then
        lp_error "not all of $lp_old_root could be removed:$left" "$lp_old_root" 'see the messages above, remove the cause, then remove these by hand'
        return 30
    fi
    if [ ! -d "$lp_old_root" ]; then lp_say "$lp_old_product $lp_old_version is removed from $lp_old_root"
    elif [ "$1" = 1 ]; then lp_say "$lp_old_product $lp_old_version is removed; what others put into $lp_old_root is still there"
    else
        lp_say "$lp_old_product $lp_old_version is removed; identity, queues, logs and what you edited are kept in $lp_old_root and $LP_LOG"
    fi
}

# Nothing is installed: a purge still takes what plain removals of this product have kept.
lp_uninstall_left() {
    local record package found
    found=0
    for record in "$LP_LIB"/kept.*; do
        [ "$1" = 1 ] && [ -f "$record" ] && [ "$(lp_value "$record" product)" = "$LP_PRODUCT" ] || continue
        package=${record##*/kept.} found=1
        lp_say "what the removal of $package had kept is removed"
        lp_purge "$package"
    done
    [ "$found" = 1 ] || lp_say 'nothing is installed'
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
