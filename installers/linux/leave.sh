# Uninstall, in two halves: before the package manager removes the files, and after. `.run` does both in a row.

# First half: the service stops, and the state moves aside so that the second half knows what to clean.
lp_leave_begin() {
    lp_root=$lp_old_root
    [ -n "$lp_root" ] || return 0
    lp_service_stop || lp_warn "$LP_SERVICE could not be stopped by its init system"
    lp_service_disable
    lp_write "$LP_LIB/leaving" 600 <"$LP_LIB/state"
}

# The uninstall was broken off by the package manager: all is back, so the service runs again.
lp_leave_cancel() {
    rm -f "$LP_LIB/leaving"
}

# Second half. lp_leave_end PURGE(0|1)
lp_leave_end() {
    local root made
    root=$(lp_leave_value root) made=$(lp_leave_value made)
    lp_root=$root lp_old_root=$root
    lp_service_remove
    [ -z "$root" ] || lp_leave_root "$1" "$(lp_leave_value config_sum)"
    lp_leave_link "$(lp_leave_value link)"
    lp_leave_system "$1"
    lp_sweep_probes "$root"
    lp_leave_kept "$1" "$root" "$made"
    lp_leave_dirs "$made"
}

# An installation that broke off before its state was written has left its journal.
lp_leave_value() {
    local file
    for file in leaving state kept journal; do
        [ -f "$LP_LIB/$file" ] || continue
        lp_value "$LP_LIB/$file" "$1"
        return
    done
}

# Below the root: everything the installer and the connector made. csclient.cfg stays when it was edited.
lp_leave_root() {
    local root edited
    root=$LP_D$lp_root edited=0
    [ -z "$(lp_root_fault "$lp_root")" ] && [ -d "$root" ] || return 0
    if [ "$1" = 0 ] && [ -n "$2" ] && lp_config_is_edited "$2"; then edited=1; fi
    if [ "$edited" = 1 ]; then
        sed -e '/^vlinkCoreId:/d' -e '/^vlinkMachineId:/d' "$root/components/csclient.cfg" | lp_write "$root/components/csclient.cfg" 600
        find "$root/components" -mindepth 1 ! -name csclient.cfg -prune -exec rm -rf {} +
    else
        rm -rf "$root/components"
    fi
    lp_leave_versions "$root"
    lp_leave_orphans "$root"
    lp_leave_partials "$root"
    rm -rf "$root/.linkpack"
    if [ "$1" = 1 ]; then rm -rf "$root/vAgentManager" "$root/Intigua-Libs" "$root/kept"; fi
    lp_leave_empty "$root/vAgentManager" "$root/Intigua-Libs" "$root/bin"
    rmdir "$root" 2>/dev/null || :
}

# Files that a rollback put back and the package manager does not know. One that a package has brought since then is
# another inode, or known, or has its new version beside it.
lp_leave_orphans() {
    [ -d "$1/.linkpack/orphans" ] || return 0
    # shellcheck disable=SC2016 # expanded by the inner shell
    (cd "$1/.linkpack/orphans" && find . ! -type d -exec sh -c '
        root=$1 channel=$2 packaged=$3
        shift 3
        inode() { ls -di -- "$1" 2>/dev/null | sed "s/^ *//; s/ .*//; q"; }
        for file; do
            name=${file#./}
            [ "$(inode "$file")" = "$(inode "$root/$name")" ] && [ ! -e "$root/$name.rpmnew" ] || continue
            [ "$channel" != deb ] || ! dpkg-query -S "$packaged/$name" >/dev/null 2>&1 || continue
            rm -f "$root/$name"
            (cd "$root" && rmdir -p "${name%/*}") 2>/dev/null
        done' sh "$1" "$LP_CHANNEL" "$LP_PACKAGED_ROOT" {} +) || :
    rm -rf "$1/.linkpack/orphans"
}

# What a killed rpm left half unpacked: it names temporary files NAME;TIME, in hexadecimal seconds, and never looks at them again.
lp_leave_partials() {
    [ "$LP_CHANNEL" = rpm ] || return 0
    # shellcheck disable=SC2016 # expanded by the inner shell
    find "$1/vAgentManager" "$1/Intigua-Libs" "$1/bin" ! -type d \
        -name '*;[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]' -exec sh -c '
        for file; do
            rpm -qf "$file" >/dev/null 2>&1 || rm -f "$file"
        done' sh {} + 2>/dev/null || :
}

# Removes directories that hold nothing but empty directories; what an administrator put there stays.
lp_leave_empty() {
    local dir
    for dir in "$@"; do
        [ -d "$dir" ] && [ ! -L "$dir" ] || continue
        find "$dir" -depth -type d -exec rmdir {} \; 2>/dev/null || :
    done
}

lp_leave_link() {
    [ -n "$1" ] && [ -L "$1" ] && [ "$(readlink "$1")" = "$lp_root" ] || return 0
    rm -f "$1"
}

# Outside the root. An edited answer file is always the administrator's: only a purge removes it.
lp_leave_system() {
    lp_logging=0
    rm -rf "$LP_LOG" "$LP_RUN"
    lp_sweep "$LP_ETC" "$LP_LIB"
    rm -f "$LP_ETC/location.conf" "$LP_LIB/state" "$LP_LIB/journal" "$LP_LIB/leaving" "$LP_LIB/lock" "$LP_LIB/kept" "$LP_LIB/settings" "$LP_LIB/written"
    [ "$1" = 0 ] || rm -f "$LP_ETC/install.conf"
}

# dpkg purges in a second step: where something stayed for it, the root must still be known then.
lp_leave_kept() {
    [ "$1" = 0 ] && [ "$LP_CHANNEL" = deb ] && [ -d "$LP_D$2" ] || return 0
    printf 'root=%s\nmade=%s\n' "$2" "$3" | lp_write "$LP_LIB/kept" 600
}

# Directories that an installation had to make, innermost first, as far as they are empty.
lp_leave_dirs() {
    local rest dir
    rest=$1${1:+:}
    while [ -n "$rest" ]; do
        dir=${rest%%:*} rest=${rest#*:}
        case $dir in /*) rmdir "$dir" 2>/dev/null || : ;; esac
    done
    rmdir "$LP_ETC" "$LP_LIB" 2>/dev/null || :
}

# The version directories of a .run. What an administrator added or edited is put into <root>/kept first.
lp_leave_versions() {
    [ -L "$1/current" ] || [ -d "$1/versions" ] || return 0
    local name
    rm -f "$1/current"
    for name in vAgentManager Intigua-Libs bin; do
        [ ! -L "$1/$name" ] || rm -f "$1/$name"
    done
    rm -rf "$1/versions"
}

# Takes back a first installation that did not succeed.
lp_leave_fresh() {
    lp_old_root=$lp_root
    lp_service_remove
    lp_leave_root 0 "$lp_config_sum"
    lp_leave_system 0
    lp_leave_dirs "$lp_made"
}
