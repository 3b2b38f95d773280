# The service's files: unit, init script, links, folders.

# Where the unit lies: with the system's own units, or, where /usr is read-only, in /etc/systemd/system.
lp_unit_file() {
    local packaged
    packaged=$(lp_unit_packaged)
    if lp_unit_is_local || { [ ! -e "$packaged" ] && ! lp_may_write "${packaged%/*}"; }; then
        printf '%s' "$LP_D/etc/systemd/system/$LP_SERVICE.service"
    else
        printf '%s' "$packaged"
    fi
}

lp_unit_packaged() {
    if [ -d "$LP_D/lib" ]; then printf '%s' "$LP_D/lib/systemd/system/$LP_SERVICE.service"
    else printf '%s' "$LP_D/usr/lib/systemd/system/$LP_SERVICE.service"
    fi
}

lp_unit_is_local() {
    grep -Fqx "$LP_UNIT_LOCAL" "$LP_D/etc/systemd/system/$LP_SERVICE.service" 2>/dev/null
}

# Asks the kernel: a shell's own test believes that root may write everywhere.
lp_may_write() {
    local dir probe
    dir=$(lp_nearest_dir "$1")
    [ "$(id -u)" = 0 ] || { [ -w "$dir" ]; return; }
    probe=$dir/.lp-$$-$(lp_random)
    (set -C; : >"$probe") 2>/dev/null && rm -f "$probe"
}

# A unit or init script of ours says so, or, from before that, runs what lies below the root that the state names.
lp_service_is_ours() {
    lp_is_marked "$1" || { [ -f "$1" ] && [ ! -L "$1" ] && [ -n "$lp_old_root" ] && grep -Fq "$lp_old_root/$LP_N_CONNECTOR/" "$1"; }
}

# For the checks before any change: a service of the same name that is not ours stays what it is. One row each.
lp_check_service() {
    local file
    for file in "$LP_D"/lib/systemd/system "$LP_D"/usr/lib/systemd/system "$LP_D"/usr/local/lib/systemd/system \
        "$LP_D"/run/systemd/system "$LP_D"/etc/systemd/system; do
        [ "$file" != "$LP_D/usr/lib/systemd/system" ] || [ ! -L "$LP_D/lib" ] || continue
        # In /etc, over ours, it is an override.
        [ "$file" != "$LP_D/etc/systemd/system" ] || [ -z "$lp_old_product" ] || continue
        lp_check_service_file "$file/$LP_SERVICE.service"
    done
    lp_check_service_file "$LP_D/etc/init.d/$LP_SERVICE"
    for file in "$LP_D"/etc/rc[2-5].d/"S$LP_N_START$LP_SERVICE"; do
        [ ! -e "$file" ] || lp_service_link_is_ours "$file" || lp_check_service_row "$file"
    done
    # Without root's rights it goes without saying, and has a row of its own.
    [ "$(id -u)" = 0 ] || return 0
    lp_may_write "$LP_D/etc" ||
        lp_check root 12 /etc "cannot write to /etc: location.conf and the service's links have to go there" '' 'make /etc writable'
    lp_may_write "$LP_LIB" || lp_check root 12 "$LP_LIB" "cannot write to $LP_LIB: the state of the installation has to go there" '' 'make it writable'
    # One that is there may be read-only: then there are no logs.
    [ -d "$LP_LOG" ] || lp_may_write "$LP_LOG" || lp_check root 12 "$LP_LOG" "cannot make $LP_LOG for the logs" '' 'make the folder above it writable'
    for file in "$LP_ETC" "$LP_LIB" "$LP_LOG"; do
        [ -e "$file" ] || [ -L "$file" ] || continue
        # A link of root's to a folder of root's will do, but for the logs.
        [ "$file" != "$LP_LOG" ] || [ -L "$file" ] || ! lp_log_was_given || continue
        if [ -d "$file" ] && ! { [ "$file" = "$LP_LOG" ] && [ -L "$file" ]; } && ! lp_is_foreign "$file" && ! lp_is_foreign "$file/."; then continue; fi
        lp_check root 12 "$file" "$file is no folder of root's alone" '' "make it one (chown root:root, chmod go-w; no link), or move it away"
    done
}

# Older versions of ours gave the log folder to the account.
lp_log_was_given() {
    [ -n "$lp_old_product$lp_kept_root" ] || [ -f "$LP_LIB/journal" ]
}

# A link to /dev/null is a mask: the administrator's word on our own service.
lp_check_service_file() {
    if [ -L "$1" ] && [ "$(readlink "$1")" = /dev/null ]; then return; fi
    if [ -e "$1" ] || [ -L "$1" ]; then lp_service_is_ours "$1" || lp_check_service_row "$1"; fi
}

lp_check_service_row() {
    lp_check other 17 "$1" "$1 is there already, and not from this package" '' \
        "remove the software that it belongs to by its own means, or move $1 away"
}

# The templates carry markers; a root and an account name hold no character that sed or their places treat as special.
# Lines of the unit that begin with @LP_AUTO@ are for the account of the product's own.
lp_fill() {
    local auto shell init
    auto='/^@LP_AUTO@/d' shell='' init=$(lp_live)
    if lp_account_is_auto "$lp_v_RUN_AS"; then auto='s/^@LP_AUTO@ //'; fi
    [ "$init" != openrc ] || shell="1s|.*|#!$(command -v openrc-run)|"
    sed -e "s|@LP_ROOT@|$lp_root|g" -e "s|@LP_RUN_AS@|$lp_v_RUN_AS|g" -e "s|@LP_INIT@|$init|g" -e "$auto" -e "$shell"
}

# Writes all that the init systems need; rpm knows these as ghost files.
lp_service_write() {
    lp_service_seen
    lp_unit_write && lp_init_write && lp_service_dirs && lp_logrotate_write
}

# What lp_service_write and lp_service_enable leave: rows KIND=PATH. OpenRC keeps links of its own.
lp_service_expected() {
    local level
    printf 'service=%s\n' "$(lp_unit_file)"
    [ -d "$LP_D/etc/init.d" ] || return 0
    printf 'init=%s\n' "$LP_D/etc/init.d/$LP_SERVICE"
    [ "$(lp_live)" != openrc ] || return 0
    for level in 3 5; do
        [ ! -d "$LP_D/etc/rc$level.d" ] || printf 'link=%s\n' "$LP_D/etc/rc$level.d/S$LP_N_START$LP_SERVICE"
    done
}

lp_service_is_written() {
    local row
    for row in $(lp_service_expected); do [ -e "${row#*=}" ] || return 1; done
}

# One that an administrator has removed, or taken over by removing its first line, stays as it is.
lp_logrotate_write() {
    local file
    file=$LP_D/etc/logrotate.d/$LP_SERVICE
    [ -d "${file%/*}" ] || return 0
    if [ -e "$file" ] || [ -L "$file" ]; then lp_service_is_ours "$file"; else [ -z "$lp_old_version" ]; fi || return 0
    lp_logrotate_text | lp_write "$file" 644 && lp_restore_labels "$file"
}

lp_unit_write() {
    local unit place
    place=$(lp_unit_packaged)
    if lp_may_write "${place%/*}"; then
        if lp_unit_is_local; then rm -f "$LP_D/etc/systemd/system/$LP_SERVICE.service" || return 1; fi
        lp_make_dir "${place%/*}" 755 && lp_unit_text | lp_fill | lp_write "$place" 644 || return 1
        lp_restore_labels "$place"
        return
    fi
    unit=$LP_D/etc/systemd/system/$LP_SERVICE.service
    # A mask, or a unit that an administrator has put over ours, stays in charge.
    if [ -e "$unit" ] || [ -L "$unit" ]; then lp_unit_is_local || return 0; fi
    lp_make_dir "${unit%/*}" 755 || return 1
    { lp_unit_text | lp_fill; printf '%s\n' "$LP_UNIT_LOCAL"; } | lp_write "$unit" 644 || return 1
    lp_restore_labels "$unit"
}

# Never makes /etc/init.d: where it is missing, a package that still comes (chkconfig) makes a link of it.
lp_init_write() {
    local script level
    script=$LP_D/etc/init.d/$LP_SERVICE
    [ -d "$LP_D/etc/init.d" ] || return 0
    lp_init_text | lp_fill | lp_write "$script" 755 || return 1
    lp_restore_labels "$script"
    case $(lp_live) in
        openrc)
            [ -n "$lp_old_version" ] || rc-update add "$LP_SERVICE" default >/dev/null || return 1 ;;
        sysv | none)
            lp_init_register
            # Debian boots into runlevel 2.
            for level in 2 3 4 5; do lp_service_link "S$LP_N_START" "$level" || return 1; done
            for level in 0 1 6; do lp_service_link "K$LP_N_STOP" "$level" || return 1; done ;;
        *)
            # What the product's documentation names; systemd has the unit.
            lp_service_link "S$LP_N_START" 3 && lp_service_link "S$LP_N_START" 5 ;;
    esac
}

# What orders the links of this system hears of the script; all leave alone what an administrator has chosen.
lp_init_register() {
    [ -z "$LP_D" ] || return 0
    if lp_has update-rc.d; then update-rc.d "$LP_SERVICE" defaults >/dev/null 2>&1 || :
    elif lp_has insserv; then insserv "$LP_SERVICE" >/dev/null 2>&1 || :
    elif lp_has chkconfig; then chkconfig --add "$LP_SERVICE" >/dev/null 2>&1 || :
    fi
}

# lp_service_link NAME LEVEL: /etc/rcN.d is an alias of /etc/rc.d/rcN.d on some systems. A K link in a level that starts
# services means that an administrator switched this one off there. Links of another number, by a tool that orders them,
# do as well but in levels 3 and 5: there the product's documentation names the number.
lp_service_link() {
    local dir link other
    dir=$LP_D/etc/rc$2.d
    [ -d "$dir" ] || [ ! -d "$LP_D/etc/rc.d/rc$2.d" ] || dir=$LP_D/etc/rc.d/rc$2.d
    if [ ! -d "$dir" ]; then
        # Where systemd is, a missing folder, or a link to nowhere, is nothing to mend.
        case $(lp_live) in sysv | none) ;; *) return 0 ;; esac
        lp_make_dir "$dir" 755 || return 1
    fi
    link=$dir/$1$LP_SERVICE
    [ ! -e "$link" ] || return 0
    for other in "$dir"/[KS][0-9][0-9]"$LP_SERVICE"; do
        [ -L "$other" ] || continue
        case $1$2:${other##*/} in
            "S${LP_N_START}3:S"* | "S${LP_N_START}5:S"*) ! lp_service_link_is_ours "$other" || rm -f "$other" ;;
            *) return 0 ;;
        esac
    done
    ln -sf "../init.d/$LP_SERVICE" "$link" || return 1
    # Behind an alias `..` may lead elsewhere; then the link is absolute.
    [ -e "$link" ] || [ -n "$LP_D" ] || ln -sf "/etc/init.d/$LP_SERVICE" "$link"
}

lp_service_link_is_ours() {
    case $(readlink "$1") in */init.d/"$LP_SERVICE") return 0 ;; *) return 1 ;; esac
}

# The log folder is root's, with files in it that the account may write; the run folder is the account's.
lp_service_dirs() {
    local name
    lp_log_own || return 1
    if lp_is_live; then lp_make_dir "$LP_RUN" 755 && lp_give "$LP_RUN" || return 1; fi
    [ "$(id -u "$lp_v_RUN_AS")" != 0 ] || return 0
    for name in "$LP_SERVICE" $LP_CONTAINERS; do
        lp_log_file "$name.log" && lp_log_file "$name.log.1" || return 1
    done
}

# Takes the folder over from a layout in which it was the account's: first the folder, so that no other account makes names in
# it any more, then all that could be a trap: links, pipes, second names of other files, folders.
lp_log_own() {
    local owner entry
    lp_make_dir "$LP_LOG" 755 && lp_ls "$LP_LOG" || return 1
    case $lp_ls_mode in l*) lp_warn "$LP_LOG is a link"; return 1 ;; esac
    owner=$lp_ls_uid
    [ "$owner" = 0 ] || { lp_log_was_given && chown -h 0:0 "$LP_LOG"; } || return 1
    case $lp_ls_mode in drwxr-xr-x*) ;; *) chmod 755 "$LP_LOG" || return 1 ;; esac
    [ "$owner" != 0 ] || return 0
    for entry in "$LP_LOG"/* "$LP_LOG"/.[!.]*; do
        [ -d "$entry" ] && [ ! -L "$entry" ] || continue
        # Only its owner empties a folder in which names still change.
        lp_as "$owner" find "$entry" -mindepth 1 -delete 2>/dev/null || :
        rmdir "$entry" 2>/dev/null || mv "$entry" "$LP_LOG/.linkpack-$(lp_random)" || return 1
    done
    find "$LP_LOG" ! -type d \( ! -type f -o -links +1 \) -exec rm -f {} +
}

# A log of the account's: it may write and empty it, and make no other name.
lp_log_file() {
    local file
    file=$LP_LOG/$1
    if ! lp_ls "$file" || [ "${lp_ls_mode#-}" = "$lp_ls_mode" ]; then
        rm -f "$file" && (set -C; umask 137; : >"$file") && lp_ls "$file" || return 1
    fi
    [ "$lp_ls_uid" = "$(id -u "$lp_v_RUN_AS")" ] || lp_give "$file"
}

# A mask or a disabled unit is the administrator's decision; on a first installation there is none yet, but for a mask.
lp_service_enable() {
    local wants unit
    unit=$(lp_unit_file)
    if [ "$LP_CHANNEL" = deb ] && lp_has deb-systemd-helper && ! lp_service_is_masked; then
        if deb-systemd-helper --quiet was-enabled "$LP_SERVICE.service"; then
            deb-systemd-helper enable "$LP_SERVICE.service" >/dev/null || :
        else
            deb-systemd-helper update-state "$LP_SERVICE.service" >/dev/null || :
        fi
    elif [ -z "$lp_old_version" ]; then
        # What `systemctl enable` makes; by hand it works the same live, in a chroot and without systemd.
        wants=$LP_D/etc/systemd/system/multi-user.target.wants
        lp_make_dir "$wants" 755 && ln -sf "${unit#"$LP_D"}" "$wants/$LP_SERVICE.service" || return 1
    fi
    lp_service_reload
}

lp_service_reload() {
    [ "$(lp_live)" = systemd ] || return 0
    systemctl --system daemon-reload >/dev/null || lp_warn 'systemd could not read its units again: see `journalctl -b _PID=1`, then run systemctl daemon-reload'
}

# By a link to /dev/null, for good or until the next boot; an empty unit file is the same.
lp_service_is_masked() {
    local file
    for file in "$LP_D/etc/systemd/system/$LP_SERVICE.service" "$LP_D/run/systemd/system/$LP_SERVICE.service"; do
        if [ -L "$file" ] && [ "$(readlink "$file")" = /dev/null ]; then return 0; fi
        if [ -f "$file" ] && [ ! -s "$file" ]; then return 0; fi
    done
    return 1
}

# A mask stays: it was not ours. Neither are the links of a unit that is not ours.
lp_service_disable() {
    local link
    link=$(lp_unit_packaged)
    if [ ! -e "$link" ] || lp_service_is_ours "$link"; then
        if [ "$LP_CHANNEL" = deb ] && lp_has deb-systemd-helper; then
            deb-systemd-helper purge "$LP_SERVICE.service" >/dev/null || :
        fi
        for link in "$LP_D"/etc/systemd/system/*.wants/"$LP_SERVICE.service"; do
            [ ! -L "$link" ] || rm -f "$link"
        done
    fi
    link=$LP_D/etc/init.d/$LP_SERVICE
    [ ! -e "$link" ] || lp_service_is_ours "$link" || return 0
    [ "$(lp_live)" != openrc ] || rc-update -a del "$LP_SERVICE" >/dev/null 2>&1 || :
    for link in "$LP_D"/etc/rc[0-9S].d/[SK][0-9][0-9]"$LP_SERVICE" "$LP_D"/etc/rc.d/rc[0-9].d/[SK][0-9][0-9]"$LP_SERVICE"; do
        [ ! -L "$link" ] || ! lp_service_link_is_ours "$link" || rm -f "$link"
    done
}

# Everything of ours that the init systems know goes, also the halves of a killed installation.
lp_service_remove() {
    local file
    lp_sweep "$LP_D/lib/systemd/system" "$LP_D/usr/lib/systemd/system" "$LP_D/etc/systemd/system" "$LP_D/etc/init.d" "$LP_D/etc/logrotate.d"
    lp_service_disable
    for file in "$LP_D/lib/systemd/system/$LP_SERVICE.service" "$LP_D/usr/lib/systemd/system/$LP_SERVICE.service" "$LP_D/etc/init.d/$LP_SERVICE" "$LP_D/etc/logrotate.d/$LP_SERVICE"; do
        ! lp_service_is_ours "$file" || rm -f "$file"
    done
    if lp_unit_is_local; then rm -f "$LP_D/etc/systemd/system/$LP_SERVICE.service"; fi
    ! lp_is_live || rm -f "$LP_D/var/run/$LP_SERVICE.lock"
    case $(lp_live) in
        systemd) lp_service_reload; systemctl reset-failed "$LP_SERVICE.service" 2>/dev/null || : ;;
        sysv) [ -e "/etc/init.d/$LP_SERVICE" ] || ! lp_has update-rc.d || update-rc.d "$LP_SERVICE" remove >/dev/null 2>&1 || : ;;
    esac
    lp_labels_forget
}
