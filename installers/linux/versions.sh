# The layout of a .run: versions side by side, and `current` switched by one rename. Whatever kills us, `current`
# names a whole version.

lp_versions_current() {
    local target
    target=$(readlink "$LP_D$lp_root/current" 2>/dev/null) || return 0
    case $target in versions/*) printf '%s' "${target#versions/}" ;; esac
}

# A directory name for the new version that no other one has.
lp_versions_new_name() {
    local name number
    name=$LP_VERSION number=0
    while [ -e "$lp_root/versions/$name" ]; do
        number=$((number + 1))
        name=$LP_VERSION-r$number
    done
    printf '%s' "$name"
}

# What the link will name is on the disk first. mv computes its destination inside the directory: a rename over the old
# link, in one step.
lp_versions_switch() {
    lp_sync "$lp_root" || return 1
    rm -f "$lp_root/.linkpack/current"
    ln -s "versions/$1" "$lp_root/.linkpack/current" && mv -f "$lp_root/.linkpack/current" "$lp_root/" &&
        [ "$(lp_versions_current)" = "$1" ]
}

# The stable names in front of `current`.
lp_versions_links() {
    local name
    for name in $LP_TREES; do
        [ -L "$lp_root/$name" ] || ln -s "current/$name" "$lp_root/$name" || return 1
    done
}

# Removes every version but one.
lp_versions_prune() {
    local dir
    for dir in "$lp_root"/versions/*; do
        [ ! -d "$dir" ] || [ "${dir##*/}" = "$1" ] || rm -rf "$dir"
    done
}

# After a kill: `current` tells which version is whole and in use. Everything else of that run goes. What had been
# switched to counts as installed once it is seen to work; otherwise the version before it comes back.
lp_versions_repair() {
    local current
    [ -f "$LP_LIB/journal" ] && [ "$(lp_journal channel)" = run ] || return 0
    lp_root=$(lp_journal root)
    [ -z "$(lp_root_fault "$lp_root")" ] || return 0
    lp_say "repairing: an installation of version $(lp_journal version) was interrupted"
    lp_made_join "$(lp_journal made)"
    rm -rf "$lp_root/.linkpack/stage" "$lp_root/.linkpack/since" "$lp_root/.linkpack/current" "$lp_root/.linkpack/previous.new"
    lp_links_show "$lp_root" away
    if [ -n "$(lp_journal over)" ]; then
        lp_takeover_repair
        return
    fi
    current=$(lp_versions_current)
    if [ -n "$current" ] && [ "$current" = "$(lp_journal new)" ]; then
        if lp_versions_works; then lp_versions_adopt || return 1
        else lp_versions_back "$(lp_journal old)" || return 1
        fi
        current=$(lp_versions_current)
    elif [ -n "$current" ] && [ -d "$lp_root/.linkpack/previous" ]; then
        # Killed before the switch, where this changes nothing, or on the way back, between `current` and what goes with it.
        lp_restore_system "$lp_root/.linkpack/previous" || return 1
    fi
    if [ -z "$current" ]; then
        lp_config_sum=$lp_old_config_sum
        lp_leave_fresh
        return
    fi
    lp_journal_drop
    lp_versions_prune "$current"
    rm -rf "$lp_root/.linkpack/previous"
}

# Whether the version switched to comes up, or need not (lp_service_bring_up). One that was never registered has no
# unit; without the copy that leads back it had been confirmed.
lp_versions_works() {
    [ -d "$lp_root/.linkpack/previous" ] || return 0
    lp_state_load && [ "$lp_old_version" = "$(lp_journal version)" ] || return 1
    if [ "$(lp_journal tried)" = 1 ]; then lp_service_bring_up start; else lp_service_bring_up restart; fi
}

# lp_versions_back OLD: a version that was never seen to work gives way to OLD, or to nothing.
lp_versions_back() {
    lp_service_stop || :
    if [ -z "$1" ]; then
        rm -f "$lp_root/current"
        return
    fi
    [ -d "$lp_root/versions/$1" ] && lp_restore_system "$lp_root/.linkpack/previous" && lp_versions_switch "$1" || return 1
    lp_state_load
    lp_service_bring_up start || lp_warn "version $lp_old_version did not come up"
}

# The switch had happened: the state says so from now on. Unit and init script follow with this run's registration.
lp_versions_adopt() {
    local made
    made=$lp_made
    lp_state_load || :
    lp_made_join "$lp_old_made"
    lp_v_RUN_AS=$(lp_journal run_as) lp_v_IMAGE=$(lp_journal image)
    lp_link='' lp_config_sum=${lp_old_config_sum:-edited}
    lp_state_write "$(lp_journal version)"
    lp_made=$made
}
