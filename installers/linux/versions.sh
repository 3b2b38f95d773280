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

# mv computes its destination inside the directory: a rename over the old link, in one step.
lp_versions_switch() {
    rm -f "$lp_root/.linkpack/current"
    ln -s "versions/$1" "$lp_root/.linkpack/current" && mv -f "$lp_root/.linkpack/current" "$lp_root/" &&
        [ "$(lp_versions_current)" = "$1" ]
}

# The stable names in front of `current`.
lp_versions_links() {
    local name
    for name in vAgentManager Intigua-Libs bin; do
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

# After a kill: `current` tells which version is whole and in use. Everything else of that run goes, and what had
# been switched is written down as installed.
lp_versions_repair() {
    local current
    [ -f "$LP_LIB/journal" ] && [ "$(lp_journal channel)" = run ] || return 0
    lp_root=$(lp_journal root)
    [ -z "$(lp_root_fault "$lp_root")" ] || return 0
    current=$(lp_versions_current)
    lp_say "repairing: an installation of version $(lp_journal version) was interrupted"
    lp_made_join "$(lp_journal made)"
    rm -rf "$lp_root/.linkpack/stage" "$lp_root/.linkpack/current"
    if [ -z "$current" ]; then
        lp_leave_fresh
        return
    fi
    lp_versions_prune "$current"
    if [ "$current" = "$(lp_journal new)" ]; then lp_versions_adopt; fi
    lp_journal_drop
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
