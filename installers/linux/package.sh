# The steps of a DEB and of an RPM, which differ in names only:
#   before the files are unpacked   lp_package_before     preinst      %pre
#   after, files in place           lp_package_register   postinst     %post
#   the new version has to come up  lp_package_start      postinst     %posttrans
# (rpm erases the old version's files only after %post: nothing may be put back before that.)

lp_refuse() {
    # %pretrans has run before.
    [ "$LP_CHANNEL" != rpm ] || [ -z "$lp_old_root" ] || lp_aside_back "$LP_D$lp_old_root"
    lp_result refused "$1" "$2"
    return "$1"
}

# Whether an installation of a package was killed here: its directories are then no stranger's. Those of a killed .run are for it to repair.
lp_package_returns() {
    [ -f "$LP_LIB/journal" ] && [ "$(lp_journal channel)" != run ]
}

lp_package_settings() {
    if [ "$LP_CHANNEL" = deb ] && [ "${ALLOW_DOWNGRADE:-}" = 1 ]; then lp_option ALLOW_DOWNGRADE 1; fi
    lp_settings_begin
}

# Checks, then keeps the old version and makes the root. Nothing is changed before all checks pass.
lp_package_before() {
    local code seen
    [ "$LP_CHANNEL" = deb ] || lp_package_carry
    seen=$(cat "$LP_LIB/state" 2>/dev/null)
    lp_package_settings || { lp_refuse 2 'the settings are wrong; nothing was changed'; return 2; }
    lp_root_resolve
    code=0
    lp_preflight || code=$?
    [ "$code" = 0 ] || { lp_refuse "$code" 'checks failed; nothing was changed'; return "$code"; }
    lp_lock || { lp_refuse 16 'another installation is running'; return 16; }
    # The one that had the lock may have ended since the state was read: what was checked is then not what is here.
    [ "$seen" = "$(cat "$LP_LIB/state" 2>/dev/null)" ] || { lp_refuse 16 'another installation has just ended; try again'; return 16; }
    if ! lp_package_interrupted || ! lp_root_make || { [ -n "$lp_previous" ] && [ "$lp_carried" = 0 ] && ! lp_keep; }; then
        lp_package_unprepared
        return 30
    fi
    lp_journal_write "channel=$LP_CHANNEL" "package=$LP_PACKAGE" "over=$lp_old_channel" "root=$lp_root" "link=$lp_link" "previous=$lp_previous" "carried=$lp_carried" "started_at=$lp_started" \
        "image=$lp_v_IMAGE" "no_start=$lp_v_NO_START" "checks=$lp_checks" && lp_aside && return 0
    lp_package_unprepared
    return 30
}

lp_package_unprepared() {
    lp_error 'the root could not be prepared' "$lp_root" 'free space there and try again'
    lp_package_abort "$lp_root" "$lp_link" "$lp_made"
    lp_result failed 30 'the root could not be prepared; the old state is kept'
}

# The journal of an installation that was killed outlives an attempt that is given up: see lp_package_abort.
lp_package_carry() {
    [ ! -f "$LP_LIB/journal" ] || printf 'carried=1\n' 2>/dev/null >>"$LP_LIB/journal" || :
}

# Which version this installation may go back to: lp_previous, or none. After one that was killed, what is in place is
# known to work only where it is seen to run; otherwise the copy kept then is carried on with (lp_carried=1).
lp_previous='' lp_carried=0
lp_package_interrupted() {
    lp_previous=$lp_old_version lp_carried=0
    # One without a root was dropped by its installation while lp_package_carry wrote to it.
    [ -n "$(lp_journal root)" ] || lp_journal_drop
    [ -f "$LP_LIB/journal" ] || return 0
    lp_made_join "$(lp_journal made)"
    lp_sums=$(lp_journal_sums)
    if [ "$(lp_journal rollback)" = 1 ] && lp_kept; then
        lp_restore || return 1
        lp_state_load
        lp_previous=$lp_old_version
    elif [ "$(lp_journal tried)" != 1 ] || ! lp_service_came_up; then
        lp_previous=$(lp_journal previous)
        if [ -z "$lp_previous" ] || lp_kept; then
            lp_carried=1
            return 0
        fi
        lp_previous=$lp_old_version
    fi
    lp_journal_drop
}

# The journal carries over what the first script settled.
lp_package_resume() {
    local made
    lp_package_settings || { lp_refuse 2 'the settings are wrong'; return 2; }
    lp_root_resolve
    [ -f "$LP_LIB/journal" ] || return 0
    lp_root=$(lp_journal root) lp_link=$(lp_journal link) lp_started=$(lp_journal started_at)
    lp_checks=$(lp_journal checks) lp_v_IMAGE=$(lp_journal image) lp_v_NO_START=$(lp_journal no_start)
    made=$(lp_journal made)
    lp_made_join "$made"
    lp_aside_settle
}

# dpkg configures again what a rollback has left half-configured, whenever it or apt runs next. The files here are then the old
# version's: they must not be registered as the new one's, and a failure would keep apt from all its other work. So it is told once
# more, and stays on record (linkctl check, install.json) until a version comes up.
lp_package_was_put_back() {
    [ ! -f "$LP_LIB/journal" ] && [ "$(lp_value "$LP_LIB/rolled_back" package)" = "$LP_PACKAGE" ] &&
        [ "$(lp_value "$LP_LIB/rolled_back" version)" = "$LP_VERSION" ]
}

lp_package_register() {
    lp_lock_wait || { lp_refuse 16 'another installation is running'; return 16; }
    ! lp_package_was_put_back || return 0
    lp_package_resume || return
    if [ "$(lp_journal rollback)" = 1 ]; then
        lp_package_roll_back "$(lp_journal previous)"
        return
    fi
    lp_aside_swap && lp_root_make && lp_package_carry_edits && lp_register && return 0
    lp_error 'the service could not be registered' "$lp_root" 'see the messages above, correct the cause and install again'
    lp_result failed 30 'the service could not be registered'
    return 30
}

# Starts what was registered. An upgrade that does not come up goes back to the version kept.
lp_package_start() {
    local previous verb outcome
    if lp_package_was_put_back; then
        lp_state_load && lp_root=$lp_old_root
        lp_warn "$LP_VERSION did not come up, and version $lp_old_version was put back: install a corrected version"
        lp_result rolled_back 31 "$LP_VERSION did not come up; $lp_old_version was put back and stays"
        return 0
    fi
    previous=$(lp_journal previous) || previous=
    verb=start outcome=installed
    if [ -n "$previous" ]; then verb=restart outcome=upgraded; fi
    [ "$(lp_journal carried)" != 1 ] || verb=restart
    [ "$previous" != "$LP_VERSION" ] || outcome=reinstalled
    [ -f "$LP_LIB/journal" ] || { verb=restart outcome=reinstalled previous=$lp_old_version; }
    lp_old_version=$previous
    lp_logging=1
    if lp_service_bring_up "$verb"; then
        lp_removed_orphans "$LP_D$lp_root" "$LP_CHANNEL" "$lp_link"
        lp_aside_end
        if ! lp_settle; then
            lp_error 'what was written could not be brought to the disk' "$lp_root" 'look at the kernel log for a failing disk, and install again'
            lp_result failed 30 'what was written could not be brought to the disk'
            return 30
        fi
        # The versions of the .run that this package took over from.
        [ "$(lp_journal over)" != run ] || rm -rf "$LP_D$lp_root/current" "$LP_D$lp_root/versions"
        lp_journal_drop
        lp_keep_drop
        lp_kept_drop
        lp_result "$outcome" 0 "$LP_TITLE $LP_VERSION is $outcome${lp_service_note:+; $lp_service_note}"
        return 0
    fi
    lp_package_roll_back "$previous"
}

lp_package_roll_back() {
    lp_service_do stop || :
    if [ -z "$1" ] || ! lp_kept; then
        lp_error "$LP_SERVICE did not come up" "it must stay alive for 3 seconds; see $(lp_service_where)" \
            'correct the cause, then install this package again, or remove it'
        lp_result failed 31 "$LP_SERVICE did not come up; it is stopped, the files are left for inspection"
        return 31
    fi
    # Whoever kills this has it finished by the next attempt.
    printf 'rollback=1\n' >>"$LP_LIB/journal"
    if ! lp_restore || ! { lp_service_do start || :; lp_service_came_up; }; then
        lp_error "$LP_SERVICE did not come up, and neither did version $1" "$lp_root" 'install a working version again'
        lp_result failed 32 "neither $LP_VERSION nor $1 came up"
        return 32
    fi
    # What the package manager believes in is this package: its removal has to find it in the state.
    lp_state_load
    [ "$lp_old_channel" != "$LP_CHANNEL" ] || lp_state_change package "$LP_PACKAGE" || :
    printf 'package=%s\nversion=%s\n' "$LP_PACKAGE" "$LP_VERSION" | lp_write "$LP_LIB/rolled_back" 644
    lp_journal_drop
    lp_keep_drop
    lp_error "$LP_SERVICE $LP_VERSION did not come up; version $1 runs again" "see $(lp_service_where)" \
        "the package manager still believes in $LP_VERSION: install $1, or a corrected version, again"
    lp_result rolled_back 31 "$LP_VERSION did not come up; $1 was put back and runs"
    return 31
}

# After a .run the new tree has the packaged defaults: what was edited or added in its version comes along.
lp_package_carry_edits() {
    local old
    [ "$(lp_journal over)" = run ] || return 0
    old=$(readlink "$LP_D$lp_root/current") || return 0
    [ ! -f "$LP_D$lp_root/$old/.files" ] || lp_files_carry "$LP_D$lp_root/$old" "$LP_D$lp_root"
}

# After a broken-off upgrade or removal the old version has to run, as it did before.
lp_package_back() {
    lp_leave_cancel
    lp_root=$lp_old_root
    [ -n "$lp_root" ] || return 0
    lp_v_RUN_AS=$lp_old_run_as
    lp_service_write && lp_service_enable || :
    if [ "$lp_service_ran" != 0 ] && ! lp_service_is_active && [ "$lp_old_image" != 1 ] && lp_policy_allows start && ! lp_service_is_off; then
        lp_service_do start || :
    fi
}
