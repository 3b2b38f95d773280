# What the sources of settings say now goes into csclient.cfg, and the service follows: `linkctl apply`, and the end of an exchange of site
# packages. An installation decides the root and the account.

lp_linkctl_apply() {
    lp_needs_root || { lp_set_report 10 refused 'this must run as root' none; return; }
    lp_apply
}

# Returns the exit code, as linkctl set does.
lp_apply() {
    lp_set_is_free || return
    lp_options='' lp_strict=site
    lp_apply_load || { lp_set_report 2 refused 'a setting is wrong; nothing was changed' none; return; }
    lp_apply_fixed INSTALL_ROOT "$lp_root"
    lp_apply_fixed RUN_AS "$lp_old_run_as"
    lp_v_RUN_AS=$lp_old_run_as lp_v_IMAGE=$lp_old_image
    # An image gets no identity, and a connector keeps the server that it has where nobody names another.
    [ "$lp_old_image" != 1 ] || lp_v_CORE_ID=
    [ -n "$lp_v_SERVER_URL" ] || lp_f_SERVER_URL=ignored
    lp_config_only=0
    lp_set_commit applied
}

# In a script of the package debconf answers on a pipe, which a daemon would inherit; elsewhere a process of its own is asked.
lp_apply_load() {
    local code
    code=0
    if [ "$lp_old_channel" != deb ]; then lp_settings_load; return; fi
    if [ "$LP_CHANNEL" = deb ]; then
        lp_settings_load || code=$?
        if [ "$lp_debconf" = 1 ]; then db_stop; fi
        return "$code"
    fi
    LP_CHANNEL=deb lp_debconf=1 lp_apply_answers=$(lp_apply_ask)
    lp_settings_load || code=$?
    LP_CHANNEL='' lp_debconf=0
    return "$code"
}

# A line for each setting, in the order in which lp_settings_debconf asks for them.
lp_apply_ask() {
    local key
    lp_has debconf-communicate || return 0
    for key in $LP_SETTINGS; do
        printf 'GET %s/%s\n' "$LP_PACKAGE" "$(printf '%s' "$key" | tr '[:upper:]' '[:lower:]')"
    done | DEBIAN_FRONTEND=noninteractive debconf-communicate 2>/dev/null 9>&-
}

# Where the confmodule is loaded, which comes later, it has its own.
db_get() {
    local line
    line=${lp_apply_answers%%"$lp_line_end"*} lp_apply_answers=${lp_apply_answers#*"$lp_line_end"} RET=
    case $line in '0 '*) RET=${line#0 } ;; *) return 1 ;; esac
}

lp_apply_fixed() {
    local value source
    eval "value=\$lp_v_$1 source=\$lp_f_$1"
    [ "$source" != site ] || [ "$value" = "$2" ] ||
        lp_warn "$1 of the site $lp_site_name is not $2: it is decided by an installation, and this one stays as it is"
}
