# Install, upgrade and uninstall of a .run.

# What it replaces: a version of a .run (lp_run_old), or the product's DEB or RPM (lp_run_over). Without either it is the first.
lp_run_old='' lp_run_over='' lp_run_new='' lp_run_service=0

# From the checks to the result; returns the exit code.
lp_run_install() {
    local code
    lp_settings_begin || { lp_run_refused 2 'the settings are wrong; nothing was changed'; return 2; }
    lp_run_interrupted
    lp_root_resolve
    if [ "$lp_if_needed" = 1 ] && lp_run_unchanged; then
        lp_result unchanged 0 "$LP_TITLE $LP_VERSION is installed and works; nothing was changed"
        lp_say "$LP_TITLE $LP_VERSION is installed in $lp_root and works; nothing was changed"
        return 0
    fi
    code=0
    lp_preflight || code=$?
    [ "$code" = 0 ] || { lp_run_refused "$code" 'checks failed; nothing was changed'; return "$code"; }
    if [ "$lp_checks_only" = 1 ]; then
        lp_result_print checked 0 'all checks pass; nothing was changed'
        return 0
    fi
    if ! lp_lock; then
        lp_error 'another installation is running' "$LP_LIB/lock" 'wait until it has ended'
        lp_result refused 16 'another installation is running'
        return 16
    fi
    lp_service_seen
    if ! lp_run_repair; then
        lp_error 'an interrupted installation could not be repaired' "$lp_root" 'see the messages above, and run this file again'
        lp_result failed 30 'an interrupted installation could not be repaired'
        return 30
    fi
    code=0
    lp_run_begin || code=$?
    case $code in
        0) ;;
        20) lp_run_failed 20 'the file was changed while it was read'; return ;;
        *) lp_run_failed 30 'the new version could not be unpacked'; return ;;
    esac
    lp_run_switch || { lp_run_failed 30 'the new version could not be put in place'; return; }
    lp_run_start
}

# Checks alone leave no trace, not even a result file.
lp_run_refused() {
    if [ "$lp_checks_only" = 1 ]; then lp_result_print refused "$1" "$2"; else lp_result refused "$1" "$2"; fi
}

# --if-needed: this very version is in place and works, and no option of this run asks for another value.
lp_run_unchanged() {
    [ "$lp_old_channel" = run ] && [ "$lp_old_package" = "$LP_PACKAGE" ] && [ "$lp_old_version" = "$LP_VERSION" ] || return 1
    [ "$lp_state_cut" = 0 ] && [ ! -f "$LP_LIB/journal" ] && [ -z "$lp_root_conflict" ] && [ "$lp_v_RUN_AS" = "$lp_old_run_as" ] || return 1
    [ -n "$(lp_versions_current)" ] || return 1
    [ -z "$(lp_files_damage "$lp_root/versions/$(lp_versions_current)" | head -n 1)" ] && lp_service_is_written || return 1
    [ -z "$lp_options$lp_site_given" ] || lp_config_is_current || return 1
    lp_service_is_active || lp_state_is_image || lp_service_is_off
}

# A journal of ours means that an earlier run was killed here: its directories are no stranger's, and what it had
# switched to counts as installed.
lp_run_interrupted() {
    local root
    [ -f "$LP_LIB/journal" ] && [ "$(lp_journal channel)" = run ] || return 0
    lp_returns=1
    root=$(lp_journal root)
    [ ! -L "$root/current" ] || [ -n "$lp_old_root" ] || lp_old_root=$root
}

lp_run_repair() {
    lp_versions_repair
    # A first installation that was taken back took the lock file with it.
    lp_lock || return 1
    lp_old_version='' lp_old_root='' lp_old_made='' lp_made=
    lp_settings_begin && lp_root_resolve && [ -z "$lp_root_conflict" ]
}

# Unpacks beside the running version.
lp_run_begin() {
    local stage
    # Known before anything can fail: without an old version a failure removes everything.
    if lp_takeover; then lp_run_over=$lp_old_channel; fi
    lp_run_old=$(lp_versions_current) lp_run_new=$(lp_versions_new_name)
    lp_make_dir "$LP_LIB" 755 && lp_root_make && lp_account_make || return 1
    lp_run_journal || return 1
    trap 'lp_run_signal' HUP INT TERM
    lp_make_dir "$lp_root/.linkpack" 700 && chmod 700 "$lp_root/.linkpack" && lp_make_dir "$lp_root/versions" 755 || return 1
    stage=$lp_root/.linkpack/stage
    rm -rf "$stage" && mkdir -m 755 "$stage" || return 1
    lp_say "unpacking $LP_TITLE $LP_VERSION into $lp_root"
    # What changes from here on is looked at again once the old version has stopped.
    rm -f "$stage/../since" && (set -C && : >"$stage/../since") || return 1
    lp_unpack "$stage" -o -p || return
    if lp_files_differences "$stage" | grep -q '^- '; then return 1; fi
    [ -z "$lp_run_old" ] || lp_files_carry "$lp_root/versions/$lp_run_old" "$stage" || return 1
}

# Stops the old version where the new one will be started: an agent may write into its folder until then.
lp_run_pause() {
    [ -n "$lp_run_old$lp_run_over" ] && [ "$lp_v_NO_START" != 1 ] && [ "$lp_v_IMAGE" != 1 ] && ! lp_service_is_masked && lp_service_is_active || return 0
    lp_run_service=1
    lp_service_stop || lp_warn "$LP_SERVICE could not be stopped before the switch"
}

lp_run_journal() {
    lp_journal_write channel=run "package=$LP_PACKAGE" "over=$lp_run_over" "replaces=$lp_old_package" "root=$lp_root" "old=$lp_run_old" "new=$lp_run_new" "version=$LP_VERSION" \
        "previous=$lp_old_version" "run_as=$lp_v_RUN_AS" "image=${lp_v_IMAGE:-0}"
}

lp_run_switch() {
    local saved
    saved=$lp_root/.linkpack/previous
    # It has its name only when it is whole: a repair after a kill goes by it.
    rm -rf "$saved" "$saved.new" && mkdir -m 700 "$saved.new" && lp_keep_system "$saved.new" && mv "$saved.new" "$saved" || return 1
    # Most of it now, while the old version runs.
    lp_sync "$lp_root" || return 1
    lp_run_pause
    [ -z "$lp_run_old" ] || lp_files_carry_again "$lp_root/versions/$lp_run_old" "$lp_root/.linkpack/stage" "$lp_root/.linkpack/since" || return 1
    if lp_takeover; then lp_takeover_carry "$lp_root/.linkpack/stage" || return 1
    elif [ -z "$lp_run_old" ]; then lp_takeover_left "$lp_root/.linkpack/stage" || return 1
    fi
    [ -n "$lp_run_old" ] || lp_takeover_trees "$saved" || return 1
    mv "$lp_root/.linkpack/stage" "$lp_root/versions/$lp_run_new" || return 1
    lp_versions_links && lp_versions_switch "$lp_run_new" && lp_register
}

lp_run_start() {
    local verb outcome
    verb=start outcome=installed
    if [ -n "$lp_run_old$lp_run_over" ]; then verb=restart outcome=upgraded; fi
    [ "$lp_old_version" != "$LP_VERSION" ] || outcome=reinstalled
    # Stopped by lp_run_pause, it is to run whatever a restart would look at.
    [ "$lp_run_service" = 0 ] || verb=start
    lp_run_service=1
    if ! lp_service_bring_up "$verb"; then
        lp_run_tail
        lp_run_failed 31 "$LP_SERVICE did not come up"
        return
    fi
    trap '' HUP INT TERM
    if ! lp_settle; then
        lp_run_failed 30 'what was written could not be brought to the disk'
        return
    fi
    lp_run_confirm "$lp_run_new" lp_run_forget
    lp_result "$outcome" 0 "$LP_TITLE $LP_VERSION is $outcome${lp_service_note:+; $lp_service_note}"
    lp_say "$LP_TITLE $LP_VERSION is $outcome in $lp_root${lp_service_note:+; $lp_service_note}"
}

# The packages whose place this version has: the one it took over from; and a removed one, of which dpkg would purge what it has left by
# its names, which are the new version's now.
lp_run_forget() {
    local package
    [ -z "$lp_run_over" ] || lp_takeover_end "$lp_run_over" "$lp_old_package"
    for package in $(lp_kept_packages deb); do lp_takeover_end deb "$package"; done
    lp_kept_drop
}

# Version $1 works. The copy that leads back goes by a rename, then the journal, then what the copy led back to. $2 is done before.
lp_run_confirm() {
    local hidden
    hidden=$lp_root/.linkpack
    rm -rf "$hidden/stage" "$hidden/since"
    [ ! -d "$hidden/previous" ] || mv "$hidden/previous" "$hidden/stage"
    ${2:-:}
    lp_journal_drop
    lp_versions_prune "$1"
    rm -rf "$hidden/stage"
}

# The log of a service that did not come up may be removed with it: its end is shown first.
lp_run_tail() {
    local lines
    lines=$(lp_service_tail) || :
    [ -n "$lines" ] || return 0
    lp_say "the last lines of $(lp_service_where):"
    printf '%s\n' "$lines" >&2
}

lp_run_signal() {
    lp_run_failed 30 'interrupted by a signal'
    exit $?
}

# lp_run_failed CODE WHY: back to what was there before; returns the code to exit with.
lp_run_failed() {
    local after
    trap '' HUP INT TERM
    after='everything was removed again'
    [ -z "$lp_run_old$lp_run_over" ] || after="version $lp_old_version is in place again"
    if lp_run_undo; then
        lp_error "$2; $after" "$lp_root" 'correct the cause and run this file again'
        lp_result rolled_back "$1" "$2; $after"
        return "$1"
    fi
    lp_error "$2, and going back failed too" "$lp_root" 'run this file again: it repairs first'
    lp_result failed 32 "$2, and going back failed too"
    return 32
}

lp_run_undo() {
    rm -rf "$lp_root/.linkpack/stage"
    if [ -z "$lp_run_old$lp_run_over" ]; then
        lp_service_stop || :
        lp_leave_fresh
        [ ! -e "$lp_root/current" ]
        return
    fi
    if [ -n "$lp_run_over" ]; then
        lp_takeover_back "$lp_root/.linkpack/previous" || return 1
    elif [ "$(lp_versions_current)" != "$lp_run_old" ]; then lp_versions_switch "$lp_run_old" || return 1; fi
    if [ -d "$lp_root/.linkpack/previous" ]; then lp_restore_system "$lp_root/.linkpack/previous" || return 1; fi
    if [ "$lp_run_service" = 1 ]; then
        lp_service_do restart || :
        lp_service_came_up || return 1
    fi
    lp_run_confirm "$lp_run_old"
    [ -z "$lp_run_over" ] || rmdir "$lp_root/versions" 2>/dev/null || :
}
