# What this machine is: decided here, once, for every channel.

# systemd, sysv or openrc where that runs and may be asked to start something. Otherwise "offline", where systemd's files
# lie here and do not run (a chroot, the build of an image), or "none": then services are registered and not started.
lp_live() {
    local first
    if [ -n "$LP_D" ]; then lp_not_live; return; fi
    # Only root can see process 1 well enough.
    if [ "$(id -u)" = 0 ]; then
        if lp_in_chroot; then lp_not_live; return; fi
        first=
        [ ! -r /proc/1/comm ] || IFS='' read -r first </proc/1/comm || :
        # Any other name is the shell of a container's build, or an init that knows none of our service files.
        case $first in
            systemd | init | openrc-init | tini | dumb-init) ;;
            *) lp_not_live; return ;;
        esac
    fi
    if [ -d /run/systemd/system ] && lp_has systemctl; then printf systemd
    elif lp_has rc-service && lp_has openrc-run && { [ -e /run/openrc/softlevel ] || [ "${first:-}" = openrc-init ]; }; then printf openrc
    elif [ -d /etc/init.d ] && [ ! -d /run/systemd/system ]; then printf sysv
    else lp_not_live
    fi
}

lp_not_live() {
    if lp_knows_systemd; then printf offline; else printf none; fi
}

lp_knows_systemd() {
    [ -e "$LP_D/lib/systemd/systemd" ] || [ -e "$LP_D/usr/lib/systemd/systemd" ]
}

lp_is_live() {
    case $(lp_live) in offline | none) return 1 ;; esac
}

# A chroot, `rpm --root` or a build of an image: process 1 sees another root, or /proc is not there to ask.
lp_in_chroot() {
    local here there
    here=$(stat -L -c %d:%i / 2>/dev/null) || return 0
    there=$(stat -L -c %d:%i /proc/1/root 2>/dev/null) || return 0
    [ "$here" != "$there" ]
}

# Debian's administrators forbid starts by policy-rc.d; being declined is a success.
lp_policy_allows() {
    local answer
    [ "$LP_CHANNEL" = deb ] && [ -x /usr/sbin/policy-rc.d ] || return 0
    answer=0
    /usr/sbin/policy-rc.d "$LP_SERVICE" "$1" >/dev/null 2>&1 </dev/null || answer=$?
    [ "$answer" != 101 ]
}

# An upgrade that the agent starts itself lives in its service's cgroup, and ends with it. Before the service stops, this
# process and those that wait for it, such as dpkg, move into a scope of their own. The service's main process stays.
lp_step_out() {
    local pid pids own scope
    own=$(systemctl show -p MainPID "$LP_SERVICE.service" 2>/dev/null)
    own=${own#MainPID=}
    pid=$$ pids=
    while lp_is_inside "$pid" && [ "$pid" != "$own" ]; do
        # The agent that the service started ends with it; a package manager does not.
        if [ "$(lp_parent "$pid")" = "$own" ] && [ "$pid" != $$ ]; then
            case $(cat "/proc/$pid/comm" 2>/dev/null) in dpkg | rpm | apt* | dnf* | yum | zypper* | microdnf) ;; *) break ;; esac
        fi
        pids="$pids $pid"
        pid=$(lp_parent "$pid")
    done
    [ -n "$pids" ] || return 0
    lp_log "moving out of the service's cgroup:$pids"
    # The process that reads our messages may be about to end.
    trap '' PIPE
    scope=linkpack-$$-$(lp_random).scope
    # The scope lives as long as a process is in it: the shell that moves them in first.
    # shellcheck disable=SC2086 # a list of numbers
    systemd-run --quiet --scope --unit="$scope" sh -c "$LP_MOVE" move "$scope" $pids >/dev/null 2>&1 9>&- </dev/null || :
    # Without systemd-run, to where process 1 is.
    # shellcheck disable=SC2086 # a list of numbers
    ! lp_is_inside $$ || sh -c "$LP_MOVE" move init.scope $pids >/dev/null 2>&1 9>&- </dev/null || :
    ! lp_is_inside $$ || lp_warn "this runs inside $LP_SERVICE.service and may end with it: start it with systemd-run"
}

# Arguments: a unit, then processes, which move into its cgroup in each of systemd's hierarchies.
# shellcheck disable=SC2016 # expanded by the inner shell
LP_MOVE='
    group=$(systemctl show -p ControlGroup "$1")
    group=${group#ControlGroup=}
    shift
    [ -n "$group" ] || exit 1
    for tree in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
        [ -e "$tree$group/cgroup.procs" ] || continue
        for pid; do echo "$pid" >"$tree$group/cgroup.procs"; done
    done
'

lp_is_inside() {
    grep -Eq "/$LP_SERVICE(-[^/]+)?[.]service(/|\$)" "/proc/$1/cgroup" 2>/dev/null
}

lp_parent() {
    sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null
}
