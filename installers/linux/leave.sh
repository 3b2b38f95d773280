# The first half of a removal, while the package's files are there: stops the service, takes it from the init systems and writes down
# what the removal keeps. The second half is purge.sh. `.run` does both in a row.

# Whether this package may remove what is installed: after a replacement the state, or the journal of one under way, names another.
lp_leave_is_ours() {
    local taker
    [ "$lp_old_package" = "$LP_PACKAGE" ] && [ "$lp_old_channel" = "$LP_CHANNEL" ] || return 1
    taker=$(lp_journal package) || return 0
    [ -z "$taker" ] || [ "$taker" = "$LP_PACKAGE" ]
}

# lp_leave_to_sibling PACKAGE: dpkg removes this package in favour of that one. Of the same product it takes over all.
lp_leave_to_sibling() {
    case $1 in "$LP_PRODUCT" | "$LP_PRODUCT"-*) return 0 ;; *) return 1 ;; esac
}

lp_leave_begin() {
    lp_root=$lp_old_root
    [ -n "$lp_root" ] || return 0
    if lp_leave_is_ours; then
        lp_lock_wait || lp_warn 'another installation is running'
        lp_leave_stop
        # What is still there is not ours.
        [ "$LP_CHANNEL" != rpm ] || lp_theirs_hide
    else
        [ "$(lp_value "$LP_LIB/rolled_back" package)" != "$LP_PACKAGE" ] || rm -f "$LP_LIB/rolled_back"
        [ "$lp_old_channel" != run ] || lp_links_hide "$LP_D$lp_root" hidden
    fi
}

lp_leave_stop() {
    lp_service_stop || lp_warn "$LP_SERVICE could not be stopped by its init system"
    lp_leave_record || return 1
    lp_sweep "$LP_ETC" "$LP_LIB"
    lp_sweep_probes "$lp_root"
    lp_service_remove
}

# rpm removes what has the name of its package's ghost files, whoever made it: %postun gives that its name back.
lp_theirs_hide() {
    local file
    for file in /lib/systemd/system/"$LP_SERVICE.service" /usr/lib/systemd/system/"$LP_SERVICE.service" /etc/init.d/"$LP_SERVICE"; do
        [ ! -e "$file" ] || mv "$file" "$file.lp-theirs"
    done
}

# The record comes before anything is removed. dpkg has a purge of its own; for rpm and `.run` its script stays here.
lp_leave_record() {
    {
        printf 'product=%s\npackage=%s\nversion=%s\nchannel=%s\n' "$lp_old_product" "$lp_old_package" "$lp_old_version" "$lp_old_channel"
        printf 'root=%s\naccount=%s\nlink=%s\nmade=%s\n' "$lp_old_root" "$lp_old_run_as" "$lp_old_link" "$lp_old_made"
        # An administrator's own link in the root's place: rpm takes it away, with what is kept behind it.
        [ ! -L "$LP_D$lp_old_root" ] || printf 'leads=%s\n' "$(readlink "$LP_D$lp_old_root")"
        echo end=1
    } | lp_write "$LP_LIB/kept.$lp_old_package" 600 || return 1
    [ "$lp_old_channel" != deb ] && [ -f "$LP_D$lp_root/bin/lib/purge.sh" ] || return 0
    {
        printf '%s\n' '#!/bin/sh' "# Removes what removed packages have kept: identity, queues, logs, edited files."
        cat "$LP_D$lp_root/bin/lib/entry.sh"
        grep -E '^LP_([NP]_|SERVICE=|CONTAINERS=)' "$LP_D$lp_root/bin/lib/facts.sh"
        cat "$LP_D$lp_root/bin/lib/purge.sh"
        printf '%s\n' 'LP_D=' 'umask 022' lp_purge_all
    } | lp_write "$LP_LIB/purge" 700
}

# The removal was broken off by the package manager: all is back, so the service runs again.
lp_leave_cancel() {
    rm -f "$LP_LIB/kept.$LP_PACKAGE" "$LP_LIB/purge-next" "$LP_LIB/leaving"
}

# The version directories of a .run.
lp_leave_versions() {
    [ -L "$1/current" ] || [ -d "$1/versions" ] || return 0
    local name
    rm -f "$1/current"
    for name in $LP_TREES; do
        [ ! -L "$1/$name" ] || rm -f "$1/$name"
    done
    rm -rf "$1/versions"
}

# Takes back a first installation that did not succeed. What an earlier removal has kept is there as before.
lp_leave_fresh() {
    local name
    lp_old_root=$lp_root
    [ -n "$lp_kept_root" ] || lp_kept_load || :
    lp_service_remove
    [ -n "$lp_kept_root" ] || lp_account_remove
    lp_leave_versions "$LP_D$lp_root"
    for name in $LP_TREES; do
        [ ! -d "$LP_D$lp_root/.linkpack/previous/$name" ] || mv "$LP_D$lp_root/.linkpack/previous/$name" "$LP_D$lp_root/$name"
    done
    rm -rf "$LP_D$lp_root/.linkpack"
    if [ -n "$lp_kept_root" ] && [ "$lp_root" != "$lp_kept_root" ]; then
        for name in components kept; do
            [ ! -d "$LP_D$lp_root/$name" ] || [ -e "$LP_D$lp_kept_root/$name" ] || mv "$LP_D$lp_root/$name" "$LP_D$lp_kept_root/$name"
        done
    fi
    [ "$lp_root" = "$lp_kept_root" ] || lp_purge_tree "$LP_D$lp_root/components"
    if [ -z "$(find "$LP_LIB" -name 'kept.*' 2>/dev/null)" ]; then
        lp_purge_logs "$lp_made"
        for name in settings written site lock; do rm -f "$LP_LIB/$name"; done
    fi
    lp_purge_run
    rmdir "$LP_D$lp_root" 2>/dev/null || :
    lp_purge_link "$lp_link" "$lp_root"
    lp_sweep "$LP_ETC" "$LP_LIB"
    rm -f "$LP_ETC/location.conf" "$LP_LIB/state" "$LP_LIB/journal"
    lp_purge_made "$lp_made"
}
