# Is there a running system here whose services may be started?

# systemd, sysv or none.
lp_live() {
    if [ -n "$LP_D" ]; then printf none
    elif [ -d /run/systemd/system ] && lp_has systemctl; then printf systemd
    elif lp_in_chroot; then printf none
    else printf sysv
    fi
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
