# The service at work: start, stop and the test that it came up.

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
        pid=$(lp_service_noted)
    fi
    if lp_pid_runs "$pid"; then printf '%s' "$pid"; else lp_service_found; fi
}

lp_pid_runs() {
    case $1 in '' | 0 | *[!0-9]*) return 1 ;; esac
    [ -d "/proc/$1" ] && lp_pid_is_ours "$1"
}

# Where the file of processes is lost: the first process that was started as the connector's program, or as a script of an interpreter;
# on this system, and not in a container or another root that /proc shows as well.
lp_service_found() {
    local file program here
    case $(lp_live) in sysv | openrc) ;; *) return 1 ;; esac
    here=$(stat -L -c %d:%i /) || return 1
    program=${lp_root:-$lp_old_root}/$LP_EXECUTABLE
    # shellcheck disable=SC2013 # names without blanks
    for file in $(grep -lsF -- "$program" /proc/[0-9]*/cmdline); do
        tr '\000' '\n' 2>/dev/null <"$file" | head -n 2 | grep -qxF -- "$program" || continue
        [ "$(stat -L -c %d:%i "${file%cmdline}root" 2>/dev/null)" = "$here" ] || continue
        file=${file#/proc/}
        lp_pid_runs "${file%/cmdline}" && printf '%s' "${file%/cmdline}" && return
    done
    return 1
}

# The number in the file of processes, which lies in the account's folder and may be a trap: a pipe, a link.
lp_service_noted() {
    local lp_as_limit
    lp_as_limit=5
    # shellcheck disable=SC2016 # expanded by the inner shell
    lp_as "$(lp_service_account)" sh -c '[ -f "$1" ] && [ ! -L "$1" ] && exec head -c 20 "$1"' sh "$LP_RUN/$LP_SERVICE.pid" 2>/dev/null </dev/null
}

lp_service_account() {
    printf '%s' "${lp_v_RUN_AS:-${lp_old_run_as:-root}}"
}

# A number in a file may by now belong to anyone's process: ours runs as the account and from below the root.
lp_pid_is_ours() {
    local root
    [ "$(lp_live)" != systemd ] && [ -r "/proc/$1/cmdline" ] || return 0
    [ "$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$1/status" 2>/dev/null)" = "$(id -u "$(lp_service_account)")" ] || return 1
    root=${lp_root:-$lp_old_root}
    case $(tr '\000' ' ' 2>/dev/null <"/proc/$1/cmdline") in *"$root/$LP_N_CONNECTOR/"*) return 0 ;; esac
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
        sysv) ! lp_has_start_link && ! lp_service_is_active ;;
        openrc) ! rc-update show 2>/dev/null | grep -q "^ *$LP_SERVICE |.*[a-z]" && ! lp_service_is_active ;;
        *) return 0 ;;
    esac
}

lp_has_start_link() {
    local link
    for link in "$LP_D"/etc/rc[2-5].d/S[0-9][0-9]"$LP_SERVICE" "$LP_D"/etc/rc.d/rc[2-5].d/S[0-9][0-9]"$LP_SERVICE"; do
        [ ! -L "$link" ] || return 0
    done
    return 1
}

# How the service was before this installation touched it: 1 where it ran, 0 where an administrator had stopped it, 2 where
# it had died or was never installed. The journal passes it on to the steps that follow.
lp_service_ran=
lp_service_seen() {
    [ -z "$lp_service_ran" ] || return 0
    lp_service_ran=$(lp_value "$LP_LIB/journal" ran) || lp_service_ran=
    [ -z "$lp_service_ran" ] || return 0
    lp_service_ran=2
    if [ -z "$lp_old_version" ]; then :
    elif lp_service_is_active; then lp_service_ran=1
    elif lp_service_is_stopped; then lp_service_ran=0
    fi
    [ ! -f "$LP_LIB/journal" ] || printf 'ran=%s\n' "$lp_service_ran" >>"$LP_LIB/journal"
}

# By hand: systemd calls one that died "failed"; an init script takes its file of processes away when it stops one.
lp_service_is_stopped() {
    case $(lp_live) in
        systemd)
            [ "$(systemctl show -p LoadState "$LP_SERVICE.service")" = LoadState=loaded ] &&
                [ "$(systemctl show -p ActiveState "$LP_SERVICE.service")" = ActiveState=inactive ] ;;
        sysv | openrc) [ ! -e "$LP_RUN/$LP_SERVICE.pid" ] ;;
        *) return 1 ;;
    esac
}

# invoke-rc.d starts nothing where no init keeps a runlevel, as in a container. policy-rc.d is asked in any case.
lp_has_runlevel() {
    case $(runlevel 2>/dev/null) in *[0-9S]) return 0 ;; *) return 1 ;; esac
}

# Where the init script's own words go: with --quiet nowhere.
lp_told=2

# lp_service_do start|restart|stop: descriptor 9, the installer's lock, must not live on in a daemon. Debian's own tools start nothing
# that is disabled: what ran before starts again without them.
lp_service_do() {
    lp_log "service: $1"
    case $(lp_live) in
        systemd)
            [ "$1" = start ] || lp_step_out
            [ "$1" = stop ] || systemctl reset-failed "$LP_SERVICE.service" 2>/dev/null || :
            if [ "$LP_CHANNEL" = deb ] && [ "$1$lp_service_ran" != start1 ] && lp_has deb-systemd-invoke; then
                deb-systemd-invoke "$1" "$LP_SERVICE.service" >&2 9>&- </dev/null
            else
                systemctl "$1" "$LP_SERVICE.service" >&2 9>&- </dev/null
            fi ;;
        sysv)
            [ -x "/etc/init.d/$LP_SERVICE" ] || return 0
            if [ "$LP_CHANNEL" = deb ] && [ "$1$lp_service_ran" != start1 ] && lp_has invoke-rc.d && lp_has_runlevel; then
                invoke-rc.d "$LP_SERVICE" "$1" >&2 3>&- 9>&- </dev/null
            else
                "/etc/init.d/$LP_SERVICE" "$1" >&"$lp_told" 3>&- 9>&- </dev/null
            fi ;;
        openrc) rc-service "$LP_SERVICE" "$1" >&2 3>&- 9>&- </dev/null ;;
    esac
}

# lp_service_bring_up start|restart: starts and watches. 0: up, or rightly not started (lp_service_note says why);
# 1: it did not come up.
lp_service_note=
lp_service_bring_up() {
    lp_service_seen
    lp_service_note=
    if ! lp_is_live; then lp_service_note='not started: no running system here'
    elif [ "$lp_v_IMAGE" = 1 ]; then lp_service_note='not started: image mode; the first boot starts it'
    elif [ "$lp_v_NO_START" = 1 ]; then lp_service_note='not started: NO_START=1'
    elif ! lp_policy_allows "$1"; then lp_service_note='not started: policy-rc.d declines'
    elif lp_service_is_masked; then lp_service_note='not started: the administrator has masked it'
    elif [ "$1" = restart ] && [ "$lp_service_ran" != 1 ] && lp_service_is_off; then lp_service_note='not started: the administrator has disabled it'
    elif [ "$1" = restart ] && [ "$lp_service_ran" = 0 ]; then lp_service_note='not started: it was stopped before'
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
    lp_is_live || return 0
    lp_service_do stop || :
    lp_service_is_active || return 0
    [ "$(lp_live)" != systemd ] || return 1
    # An init script that is lost, or of a version that did not look for its process.
    lp_service_kill TERM 15 || lp_service_kill KILL 2
}

# lp_service_kill SIGNAL SECONDS: with the account's rights, which reach no other process. 0 when none is left.
lp_service_kill() {
    local pid second
    second=0
    while pid=$(lp_service_pid); do
        [ "$second" -lt "$2" ] || return 1
        [ "$second" != 0 ] || lp_as "$(lp_service_account)" kill "-$1" "$pid" 2>/dev/null || :
        sleep 1
        second=$((second + 1))
    done
}

# Where the reasons are for a service that did not come up: only what is there is named.
lp_service_where() {
    local journal
    journal=
    [ "$(lp_live)" != systemd ] || journal="journalctl -u $LP_SERVICE"
    if [ -s "$LP_LOG/$LP_SERVICE.log" ]; then printf '%s%s' "$LP_LOG/$LP_SERVICE.log" "${journal:+ and $journal}"
    else printf '%s' "${journal:-$LP_LOG}"
    fi
}

lp_service_tail() {
    [ "$(lp_live)" != systemd ] || journalctl --no-pager -q -n 10 -u "$LP_SERVICE.service" 2>/dev/null
    [ ! -s "$LP_LOG/$LP_SERVICE.log" ] || tail -n 10 "$LP_LOG/$LP_SERVICE.log"
}
