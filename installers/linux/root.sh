# Which directory is the root, and whether root may trust it.
# lp_root is the resolved root; lp_link is the packaged root when that has to be a symlink to it (DEB, RPM), else empty.

# Prints what is wrong with the form of a root; nothing when it is fine.
lp_root_fault() {
    case $1 in
        '') printf 'is empty'; return ;;
        /*) ;;
        *) printf 'is not absolute'; return ;;
    esac
    case $1 in
        *[[:cntrl:]]*) printf 'holds a control character'; return ;;
        *[\"\'\\\$\`%\&\;\|\<\>\*?\[\]\{\}\(\)!#~:]*) printf 'holds a character that is special to shells or unit files'; return ;;
    esac
    case $1/ in
        *//* | */./* | */../*) printf 'is not normalised (no trailing slash, no empty, . or .. component)'; return ;;
    esac
    [ "${#1}" -le 200 ] || { printf 'is longer than 200 bytes'; return; }
    case $1 in
        /bin | /boot | /dev | /etc | /home | /lib | /lib32 | /lib64 | /libx32 | /media | /mnt | /opt | /proc | /root | /run | /sbin | /srv | /sys | /tmp | /usr | /var) ;;
        /usr/bin | /usr/games | /usr/include | /usr/lib | /usr/lib32 | /usr/lib64 | /usr/libexec | /usr/libx32 | /usr/local | /usr/sbin | /usr/share | /usr/src) ;;
        /usr/local/bin | /usr/local/etc | /usr/local/games | /usr/local/include | /usr/local/lib | /usr/local/lib64 | /usr/local/libexec | /usr/local/man | /usr/local/sbin | /usr/local/share | /usr/local/src) ;;
        /var/backups | /var/cache | /var/lib | /var/local | /var/lock | /var/log | /var/mail | /var/opt | /var/run | /var/spool | /var/tmp) ;;
        "$LP_P_ETC" | "$LP_P_LIB" | "$LP_P_LOG" | "$LP_P_RUN") ;;
        /proc/* | /sys/* | /dev/* | /run/* | /var/run/*) ;;
        *) return ;;
    esac
    printf 'is a directory of the system'
}

# Prints why nothing new is installed below a path whose form is right. tests/rules/roots.txt has cases of this and of the
# form; the build's check of a manifest goes by the same ones.
lp_root_misplaced() {
    case $1 in
        /tmp/* | /var/tmp/*) printf 'lies where everybody may write and old files are removed' ;;
        /var/lock/* | /var/spool/* | /var/mail/*) printf "lies in a directory of the system's services" ;;
        /boot/* | /bin/* | /sbin/* | /lib/* | /lib32/* | /lib64/* | /libx32/* | /usr/bin/* | /usr/sbin/* | /usr/local/bin/* | /usr/local/sbin/*) printf 'lies in a directory of programs or of the boot loader' ;;
        /etc/* | "$LP_P_LIB"/* | "$LP_P_LOG"/*) printf 'lies in a directory of settings, state or logs' ;;
    esac
}

# The root as a whole, before anything is tried in it. Leaves what is wrong in lp_judged, what to do in lp_judged_remedy.
lp_root_judge() {
    lp_judged_remedy="choose an absolute path such as /opt/$LP_N_VENDOR"
    lp_judged=$(lp_root_fault "$lp_root")
    # An installation that older packages have put there is kept.
    if [ -z "$lp_judged" ] && [ "$lp_root" != "$lp_old_root" ]; then lp_judged=$(lp_root_misplaced "$lp_root"); fi
    lp_judged=${lp_judged:+the install root $lp_judged}
    [ -z "$lp_judged" ] || return 1
    lp_judged=$(lp_root_untrusted "$lp_root")
    lp_judged=${lp_judged:+others than root may change the install root: $lp_judged}
    lp_judged_remedy='chown root:root and chmod go-w that directory (a `+` in its mode: setfacl -bk), or choose another root'
    [ -z "$lp_judged" ] || return 1
    lp_judged_remedy='move it away, or choose another root'
    lp_judged='the install root is no directory'
    if [ -e "$LP_D$lp_root" ] && [ ! -d "$LP_D$lp_root" ]; then return 1; fi
    lp_judged=$(lp_root_unmounted)
    lp_judged_remedy="mount it; if the installation is lost, remove $LP_LIB/state and install again"
    [ -z "$lp_judged" ]
}

# Prints that the root's file system is missing: its installation is not there, or /etc/fstab names a place above it at
# which nothing is mounted.
lp_root_unmounted() {
    local point
    if [ -n "$lp_old_product" ] && [ "$lp_root" = "$lp_old_root" ] && ! lp_root_is_filled; then
        printf 'version %s is installed in %s, and nothing of it is there: is its file system mounted?' "$lp_old_version" "$lp_root"
        return
    fi
    case $(lp_live) in systemd | sysv | openrc) ;; *) return 0 ;; esac
    [ -r /etc/fstab ] && [ -r /proc/self/mounts ] || return 0
    # Both files write a space as \040.
    point=$(printf '%s\n' "$lp_root" | sed 's/ /\\040/g' | awk '
        from == "fstab" { if ($1 !~ /^#/ && $2 ~ /^\/./) wanted[$2] = 1; next }
        from == "mounts" { delete wanted[$2]; next }
        { for (m in wanted) if (index($0 "/", m "/") == 1) { print m; exit } }' from=fstab /etc/fstab from=mounts /proc/self/mounts from=root -)
    [ -z "$point" ] || printf 'the install root lies below %s of /etc/fstab, where nothing is mounted' "$point"
}

lp_root_is_filled() {
    local name
    for name in $LP_N_CONNECTOR current .linkpack; do
        if [ -e "$LP_D$lp_root/$name" ] || [ -L "$LP_D$lp_root/$name" ]; then return 0; fi
    done
    return 1
}

# Prints what makes a path, or a directory above it, writable for others than root; nothing when there is none.
# Links are judged as links (who made them) and then followed.
lp_root_untrusted() {
    local path real
    path=$1
    while [ -n "$path" ]; do
        if { [ -e "$LP_D$path" ] || [ -L "$LP_D$path" ]; } && lp_is_foreign "$LP_D$path"; then
            printf '%s belongs to uid %s with mode %s' "$path" "$lp_ls_uid" "$lp_ls_mode"
            return
        fi
        path=${path%/*}
    done
    real=$(cd -P -- "$(lp_nearest_dir "$LP_D$1")" 2>/dev/null && pwd -P) || return 0
    [ -z "$LP_D" ] || return 0
    case $1/ in "$real"/*) return ;; esac
    [ "$real" = / ] || lp_root_untrusted "$real"
}

# Settles lp_root and lp_link. What is in the way is left in lp_root_conflict, with its remedy in lp_root_remedy.
lp_root_conflict=
lp_root_remedy=
lp_root_resolve() {
    lp_root=$lp_v_INSTALL_ROOT
    # What a removal has kept is taken up where it lies, unless another place is asked for.
    if [ -z "$lp_old_root" ] && [ -n "$lp_kept_root" ] && lp_kept_is_here; then
        case $lp_f_INSTALL_ROOT in option | answer | debconf) ;; *) lp_root=$lp_kept_root ;; esac
    fi
    if [ "$LP_CHANNEL" = rpm ]; then lp_root_of_rpm; fi
    if [ -n "$lp_old_root" ] && [ "$lp_root" != "$lp_old_root" ]; then
        case $lp_f_INSTALL_ROOT in
            option | answer)
                lp_root_conflict="installed in $lp_old_root, but $(lp_source "$lp_f_INSTALL_ROOT") asks for $lp_root"
                : "${lp_root_remedy:="leave INSTALL_ROOT out to keep $lp_old_root, or uninstall first to move"}" ;;
            debconf) lp_warn "debconf's install root $lp_root is not used: the installation in $lp_old_root is kept" ;;
        esac
        lp_root=$lp_old_root
    fi
    lp_link=
    case $LP_CHANNEL in
        deb) lp_root_link "$LP_PACKAGED_ROOT" ;;
        rpm) lp_root_link "${RPM_INSTALL_PREFIX:-$LP_PACKAGED_ROOT}" ;;
        # That of a package that a .run has taken the place of goes with the .run.
        run) [ ! -L "$LP_D$lp_old_link" ] || lp_link=$lp_old_link ;;
    esac
}

# rpm has put, or will put, the files below RPM_INSTALL_PREFIX. An upgrade cannot move them back by itself: rpm
# would erase the old files from under the new ones.
lp_root_of_rpm() {
    local prefix
    prefix=${RPM_INSTALL_PREFIX:-$LP_PACKAGED_ROOT}
    if [ -n "$lp_old_link" ] && [ "$prefix" = "$lp_old_root" ]; then
        lp_root_conflict="the files are installed through the link $lp_old_link, and --prefix would install them a second time"
        lp_root_remedy='leave --prefix out'
    elif [ "$prefix" != "$LP_PACKAGED_ROOT" ]; then
        lp_root=$prefix lp_f_INSTALL_ROOT=option
        lp_root_remedy="rpm -U --prefix $(lp_quote "$lp_old_root") PACKAGE.rpm"
    elif [ -n "$lp_old_root" ] && [ "$lp_old_root" != "$prefix" ] && [ -z "$lp_old_link" ]; then
        lp_root=$prefix lp_f_INSTALL_ROOT=option
        lp_root_remedy="rpm -U --prefix $(lp_quote "$lp_old_root") PACKAGE.rpm"
    fi
}

# lp_root_link WHERE_THE_PACKAGE_UNPACKS: when that is not the root, it becomes a link to it.
lp_root_link() {
    local found
    [ "$1" != "$lp_root" ] || return 0
    lp_link=$1
    if [ -n "$LP_D" ]; then
        lp_root_conflict="the root $lp_root differs from the packaged one, $1, which an installation into another root directory cannot follow"
        lp_root_remedy='leave INSTALL_ROOT out, or install inside a chroot'
    elif [ -L "$1" ]; then
        found=$(readlink "$1")
        lp_root_remedy="rm $(lp_quote "$1")"
        if lp_is_foreign "$1"; then
            lp_root_conflict="$1 is a link that root does not own"
        elif [ "$found" != "$lp_root" ]; then
            lp_root_conflict="$1 is a link to $found, and not this package's link to $lp_root"
        fi
    elif [ -d "$1" ] && lp_dir_is_filled "$1"; then
        lp_root_conflict="$1 exists and is not empty, so it cannot become the link to $lp_root"
        lp_root_remedy="move $(lp_quote "$1") away, or install there"
    elif [ -e "$1" ] && [ ! -d "$1" ]; then
        lp_root_conflict="$1 exists and is no directory"
        lp_root_remedy="move $(lp_quote "$1") away"
    fi
}

lp_dir_is_filled() {
    [ -n "$(ls -A -- "$1" 2>/dev/null | head -n 1)" ]
}

# Makes the root and, where needed, the link to it.
lp_root_make() {
    lp_make_dir "$LP_D$lp_root" 755 || return 1
    [ -n "$lp_link" ] && [ ! -L "$lp_link" ] || return 0
    [ ! -d "$lp_link" ] || rmdir "$lp_link" || return 1
    lp_make_dir "${lp_link%/*}" 755 && ln -s "$lp_root" "$lp_link"
}
