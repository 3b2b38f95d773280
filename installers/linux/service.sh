# The service: unit, init script, links; start, stop and the test that it came up.

lp_unit_file() {
    if [ -d "$LP_D/lib" ]; then printf '%s' "$LP_D/lib/systemd/system/$LP_SERVICE.service"
    else printf '%s' "$LP_D/usr/lib/systemd/system/$LP_SERVICE.service"
    fi
}

# The templates carry markers; a root and an account name hold no character that sed or their places treat as special.
lp_fill() {
    sed -e "s|@LP_ROOT@|$lp_root|g" -e "s|@LP_RUN_AS@|$lp_v_RUN_AS|g"
}

# Writes all that the init systems need; rpm knows these as ghost files.
lp_service_write() {
    local unit
    unit=$(lp_unit_file)
    lp_make_dir "${unit%/*}" 755 && lp_make_dir "$LP_D/etc/init.d" 755 || return 1
    lp_unit_text | lp_fill | lp_write "$unit" 644 || return 1
    lp_init_text | lp_fill | lp_write "$LP_D/etc/init.d/$LP_SERVICE" 755 || return 1
    lp_service_link 3 && lp_service_link 5 && lp_service_dirs || return 1
    lp_restore_labels "$unit" "$LP_D/etc/init.d/$LP_SERVICE"
}

# /etc/rcN.d is an alias of /etc/rc.d/rcN.d on some systems: what is there is followed, what is missing is made.
# A K link means that an administrator switched the service off in that runlevel.
lp_service_link() {
    local dir link
    dir=$LP_D/etc/rc$1.d
    if [ ! -d "$dir" ] && [ -d "$LP_D/etc/rc.d/rc$1.d" ] && [ ! -L "$dir" ]; then
        ln -s "rc.d/rc$1.d" "$dir" && lp_made=$dir${lp_made:+:$lp_made} || return 1
    fi
    lp_make_dir "$dir" 755 || return 1
    for link in "$dir"/K[0-9][0-9]"$LP_SERVICE"; do
        [ ! -L "$link" ] || return 0
    done
    ln -sf "../init.d/$LP_SERVICE" "$dir/S30$LP_SERVICE" || return 1
    # Behind an alias `..` may lead elsewhere; then the link is absolute.
    [ -e "$dir/S30$LP_SERVICE" ] || [ -n "$LP_D" ] || ln -sf "/etc/init.d/$LP_SERVICE" "$dir/S30$LP_SERVICE"
}

lp_service_dirs() {
    lp_make_dir "$LP_LOG" 750 && chmod 750 "$LP_LOG" && lp_give "$LP_LOG" || return 1
    [ "$(lp_live)" = none ] || { lp_make_dir "$LP_RUN" 755 && lp_give "$LP_RUN"; }
}

lp_restore_labels() {
    if lp_has restorecon && [ -d /sys/fs/selinux ] && { ! lp_has selinuxenabled || selinuxenabled; }; then
        restorecon -RF "$@" >/dev/null 2>&1 || lp_warn "SELinux labels could not be restored on $*"
    fi
}

# A mask or a disabled unit is the administrator's decision; on a first installation there is none yet.
lp_service_enable() {
    local wants unit
    if [ "$LP_CHANNEL" = deb ] && lp_has deb-systemd-helper; then
        deb-systemd-helper unmask "$LP_SERVICE.service" >/dev/null || :
        if deb-systemd-helper --quiet was-enabled "$LP_SERVICE.service"; then
            deb-systemd-helper enable "$LP_SERVICE.service" >/dev/null || :
        else
            deb-systemd-helper update-state "$LP_SERVICE.service" >/dev/null || :
        fi
    elif [ -z "$lp_old_version" ]; then
        # What `systemctl enable` makes; by hand it works the same live, in a chroot and without systemd.
        wants=$LP_D/etc/systemd/system/multi-user.target.wants
        unit=$(lp_unit_file)
        lp_make_dir "$wants" 755 && ln -sf "${unit#"$LP_D"}" "$wants/$LP_SERVICE.service" || return 1
    fi
    [ "$(lp_live)" != systemd ] || systemctl --system daemon-reload >/dev/null || :
}

lp_service_disable() {
    local link
    if [ "$LP_CHANNEL" = deb ] && lp_has deb-systemd-helper; then
        deb-systemd-helper purge "$LP_SERVICE.service" >/dev/null || :
        deb-systemd-helper unmask "$LP_SERVICE.service" >/dev/null || :
    fi
    for link in "$LP_D"/etc/systemd/system/*.wants/"$LP_SERVICE.service" "$LP_D/etc/systemd/system/$LP_SERVICE.service"; do
        [ ! -L "$link" ] || rm -f "$link"
    done
    for link in "$LP_D"/etc/rc[0-9S].d/[SK][0-9][0-9]"$LP_SERVICE" "$LP_D"/etc/rc.d/rc[0-9].d/[SK][0-9][0-9]"$LP_SERVICE"; do
        [ ! -L "$link" ] || rm -f "$link"
    done
}

lp_service_is_active() {
    case $(lp_live) in
        systemd) systemctl --quiet is-active "$LP_SERVICE.service" ;;
        *) lp_service_pid >/dev/null ;;
    esac
}

# The process that has to stay: printed when it is alive.
lp_service_pid() {
    local pid
    if [ "$(lp_live)" = systemd ]; then
        systemctl --quiet is-active "$LP_SERVICE.service" || return 1
        pid=$(systemctl show -p MainPID "$LP_SERVICE.service")
        pid=${pid#MainPID=}
    else
        [ -f "$LP_RUN/$LP_SERVICE.pid" ] || return 1
        pid=
        IFS='' read -r pid <"$LP_RUN/$LP_SERVICE.pid" || [ -n "$pid" ] || return 1
    fi
    case $pid in '' | 0 | *[!0-9]*) return 1 ;; esac
    kill -0 "$pid" 2>/dev/null && lp_pid_is_ours "$pid" && printf '%s' "$pid"
}

# A number in a file may by now belong to anyone's process: ours runs from below the root.
lp_pid_is_ours() {
    local root
    [ "$(lp_live)" != systemd ] && [ -r "/proc/$1/cmdline" ] || return 0
    root=${lp_root:-$lp_old_root}
    case $(tr '\000' ' ' <"/proc/$1/cmdline") in *"$root/vAgentManager/"*) return 0 ;; esac
    root=$(cd -P -- "$root" 2>/dev/null && pwd -P) || return 1
    case $(readlink "/proc/$1/exe") in "$root"/*) return 0 ;; esac
    return 1
}

# Whether the administrator keeps the service off: disabled or masked, and not running.
lp_service_is_off() {
    case $(lp_live) in
        systemd)
            case $(systemctl is-enabled "$LP_SERVICE.service" 2>/dev/null) in
                masked* | disabled) ! lp_service_is_active ;;
                *) return 1 ;;
            esac ;;
        sysv)
            [ ! -L "$LP_D/etc/rc3.d/S30$LP_SERVICE" ] && [ ! -L "$LP_D/etc/rc5.d/S30$LP_SERVICE" ] && ! lp_service_is_active ;;
        *) return 0 ;;
    esac
}

# invoke-rc.d starts nothing where no init keeps a runlevel, as in a container. policy-rc.d is asked in any case.
lp_has_runlevel() {
    case $(runlevel 2>/dev/null) in *[0-9S]) return 0 ;; *) return 1 ;; esac
}

# Where the init script's own words go: with --quiet nowhere.
lp_told=2

# lp_service_do start|restart|stop: descriptor 9, the installer's lock, must not live on in a daemon.
lp_service_do() {
    lp_log "service: $1"
    case $(lp_live) in
        systemd)
            [ "$1" = stop ] || systemctl reset-failed "$LP_SERVICE.service" 2>/dev/null || :
            if [ "$LP_CHANNEL" = deb ] && lp_has deb-systemd-invoke; then
                deb-systemd-invoke "$1" "$LP_SERVICE.service" >&2 9>&- </dev/null
            else
                systemctl "$1" "$LP_SERVICE.service" >&2 9>&- </dev/null
            fi ;;
        sysv)
            [ -x "/etc/init.d/$LP_SERVICE" ] || return 0
            if [ "$LP_CHANNEL" = deb ] && lp_has invoke-rc.d && lp_has_runlevel; then
                invoke-rc.d "$LP_SERVICE" "$1" >&2 3>&- 9>&- </dev/null
            else
                "/etc/init.d/$LP_SERVICE" "$1" >&"$lp_told" 3>&- 9>&- </dev/null
            fi ;;
    esac
}

# lp_service_bring_up start|restart: starts and watches. 0: up, or rightly not started (lp_service_note says why);
# 1: it did not come up.
lp_service_note=
lp_service_bring_up() {
    lp_service_note=
    if [ "$(lp_live)" = none ]; then lp_service_note='not started: no running system here'
    elif [ "$lp_v_IMAGE" = 1 ]; then lp_service_note='not started: image mode; the first boot starts it'
    elif [ "$lp_v_NO_START" = 1 ]; then lp_service_note='not started: NO_START=1'
    elif ! lp_policy_allows "$1"; then lp_service_note='not started: policy-rc.d declines'
    elif [ "$1" = restart ] && lp_service_is_off; then lp_service_note='not started: the administrator has disabled it'
    fi
    [ -z "$lp_service_note" ] || return 0
    if ! lp_service_do "$1"; then
        lp_warn "the $1 of $LP_SERVICE reported a failure"
        [ "$(lp_live)" = systemd ] || return 1
    fi
    [ ! -f "$LP_LIB/journal" ] || printf 'tried=1\n' >>"$LP_LIB/journal"
    lp_service_came_up
}

# Up means: one process alive for 3 seconds within 30, or less where no process is to be expected any more.
lp_service_came_up() {
    local second pid last alive missed
    second=0 last='' alive=0 missed=0
    while [ "$second" -lt 30 ]; do
        if ! pid=$(lp_service_pid); then
            missed=$((missed + 1))
            ! lp_service_gave_up "$missed" || return 1
            last=
        elif [ "$pid" != "$last" ]; then
            last=$pid alive=0
        else
            alive=$((alive + 1))
            [ "$alive" -lt 3 ] || return 0
        fi
        sleep 1
        second=$((second + 1))
    done
    return 1
}

# No process, seen MISSED times. SysV restarts nothing, and its start has waited for one: once could be a process file
# being rewritten. systemd tries again, which three ends show to be in vain (before version 235 it does not count).
lp_service_gave_up() {
    local found
    [ "$(lp_live)" = systemd ] || { [ "$1" -ge 2 ]; return; }
    found=$(systemctl show -p ActiveState "$LP_SERVICE.service")
    case ${found#ActiveState=} in
        failed | inactive) return 0 ;;
        activating | deactivating) ;;
        *) return 1 ;;
    esac
    found=$(systemctl show -p NRestarts "$LP_SERVICE.service" 2>/dev/null)
    found=${found#NRestarts=}
    case $found in '' | *[!0-9]*) return 1 ;; esac
    [ "$found" -ge 2 ]
}

# Stopped means that nothing of it runs any more, or at least that we were told so.
lp_service_stop() {
    [ "$(lp_live)" != none ] || return 0
    lp_service_do stop || :
    ! lp_service_is_active
}

# Everything of the init systems goes, also the halves of a killed installation.
lp_service_remove() {
    local unit
    unit=$(lp_unit_file)
    lp_sweep "${unit%/*}" "$LP_D/etc/init.d"
    lp_service_disable
    rm -f "$LP_D/lib/systemd/system/$LP_SERVICE.service" "$LP_D/usr/lib/systemd/system/$LP_SERVICE.service" "$LP_D/etc/init.d/$LP_SERVICE"
    [ "$(lp_live)" != systemd ] || { systemctl --system daemon-reload; systemctl reset-failed "$LP_SERVICE.service" 2>/dev/null; } || :
}
