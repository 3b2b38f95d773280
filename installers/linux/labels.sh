# SELinux: the labels of what the installer makes.

lp_selinux_is_on() {
    lp_has restorecon || return 1
    if lp_has selinuxenabled; then selinuxenabled; else [ -e /sys/fs/selinux/enforce ]; fi
}

# An administrator's own label of a folder that was there before stays: no -F, and nothing where it differs from the policy's.
lp_restore_labels() {
    local path
    lp_selinux_is_on || return 0
    for path in "$@"; do
        if [ -n "$lp_old_version" ] && [ -d "$path" ] && [ -n "$(restorecon -n -v "$path" 2>/dev/null)" ]; then
            lp_log "the SELinux label of $path is not the policy's: left alone"
            continue
        fi
        # Never by name in a folder whose names an account changes.
        restorecon -R -e "$path/components" "$path" >/dev/null 2>&1 || lp_warn "SELinux labels could not be restored on $path"
    done
}

# The policy has labels for programs below /usr and /opt alone: a service could not run from elsewhere. A rule lasts
# longer than labels. "= /opt" stands for: labelled like /opt.
lp_labels_missing() {
    local rest
    [ -z "$LP_D" ] && lp_selinux_is_on || return 1
    case $lp_root/ in /usr/* | /opt/*) return 1 ;; esac
    lp_has semanage || return 0
    # A rule of the administrator's for the root or a folder above it counts.
    rest=$lp_root
    while [ -n "$rest" ]; do
        ! semanage fcontext -l -C 2>/dev/null | grep -Eq "^$(printf '%s' "$rest" | sed 's/[.+^]/\\&/g')([(/ ]|$)" || return 1
        rest=${rest%/*}
    done
    return 0
}

# Without semanage only the administrator can say it.
lp_check_labels() {
    lp_labels_missing && ! lp_labels_may_add || return 0
    lp_check root 12 "$lp_root" "SELinux lets no service run from $lp_root, and no rule can be added for it" '' \
        "run: semanage fcontext -a -e /opt $(lp_quote "$lp_root") (of policycoreutils-python-utils, or policycoreutils-python), or choose a root below /opt"
}

# A pattern of semanage holds no blanks.
lp_labels_may_add() {
    case $lp_root in *' '*) return 1 ;; esac
    lp_has semanage
}

# Before the root's labels are restored. The rule goes with the installation.
lp_labels_add() {
    lp_labels_missing || return 0
    semanage fcontext -a -e /opt "$lp_root" >&2 </dev/null || { lp_warn "SELinux: semanage could not add a rule for $lp_root"; return 0; }
    printf '%s\n' "$lp_root" | lp_write "$LP_LIB/selinux" 600
}

lp_labels_forget() {
    local root
    [ -f "$LP_LIB/selinux" ] || return 0
    IFS='' read -r root <"$LP_LIB/selinux" || :
    semanage fcontext -d -e /opt "$root" >/dev/null 2>&1 </dev/null || lp_warn "SELinux: remove the rule by: semanage fcontext -d -e /opt $(lp_quote "$root")"
    rm -f "$LP_LIB/selinux"
}
