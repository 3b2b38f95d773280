# The checks before any change. Each adds a row; all that fail are reported together; none leaves a trace.

lp_checks=
lp_check_code=0

# lp_check ID CODE PATH FAULT DETAIL REMEDY: an empty FAULT passes, with DETAIL saying what was found.
lp_check() {
    local ok
    ok=true
    if [ -n "$4" ]; then
        ok=false
        lp_error "$4" "check $1${3:+, $3}" "$6"
        if [ "$lp_check_code" = 0 ] || [ "$2" -lt "$lp_check_code" ]; then lp_check_code=$2; fi
    fi
    lp_checks="$lp_checks${lp_checks:+, }{ \"id\": $(lp_json "$1"), \"path\": $(lp_json "$3"), \"ok\": $ok, \"detail\": $(lp_json "${4:-$5}"), \"remedy\": $(lp_json "${4:+$6}") }"
}

# Runs every check. Returns the smallest failing code, 0 when all pass.
lp_preflight() {
    lp_check_privileges
    lp_sweep_probes "$lp_root"
    lp_check_platform
    lp_check_busy
    lp_check_other
    lp_check_account
    lp_check_temp
    lp_check_root
    lp_check_labels
    lp_check_runtime
    lp_check_space
    # A .run alone has it.
    ! lp_has lp_check_libraries || lp_check_libraries
    return "$lp_check_code"
}

lp_check_privileges() {
    local uid fault
    uid=$(id -u) fault=
    [ "$uid" = 0 ] || fault="this must run as root, not as uid $uid"
    lp_check privileges 10 '' "$fault" 'uid 0' 'run it with sudo, or in a root shell'
}

lp_machine() { case $(uname -m) in amd64) echo x86_64 ;; arm64) echo aarch64 ;; *) uname -m ;; esac; }

lp_check_platform() {
    local system machine fault tool missing remedy
    system=$(uname -s) machine=$(lp_machine) fault='' missing='' remedy='take the package for this machine'
    for tool in awk sed tr od find df ls id date chown stat $LP_TOOLS; do
        lp_has "$tool" || missing="$missing $tool"
    done
    if [ "$system" != Linux ]; then
        fault="this package is for Linux, and this is $system"
    elif [ -n "$LP_ARCH" ] && [ "$machine" != "$LP_ARCH" ]; then
        fault="this package is for $LP_ARCH, and this machine is $machine"
    elif [ -n "$missing" ]; then
        fault="needed tools are missing:$missing"
        remedy='install them with the package manager'
    elif [ -n "${LP_CODEC:-}" ] && fault=$(lp_decompress_fault) && [ -n "$fault" ]; then
        remedy='install it with the package manager'
    fi
    lp_check platform 15 '' "$fault" "$system $machine" "$remedy"
}

lp_check_busy() {
    local fault found
    fault='' found='no other installer runs'
    [ "$(id -u)" = 0 ] || found='not looked at: only root can open the lock'
    lp_lock_is_free || fault='another installation is running'
    lp_check busy 16 "$LP_LIB/lock" "$fault" "$found" 'wait until it has ended; the lock goes with its process'
}

# Another channel's installation, an unknown one, files in the way, a moved root or a downgrade. One row each.
lp_check_other() {
    local before
    before=$lp_checks
    lp_check_channel
    # What a script does not hold does not concern its channel.
    ! lp_has lp_check_journal || lp_check_journal
    [ -z "$lp_root_conflict" ] || lp_check other 17 "$lp_root" "$lp_root_conflict" '' "$lp_root_remedy"
    ! lp_has lp_check_downgrade || lp_check_downgrade
    lp_check_service
    [ "$lp_checks" != "$before" ] || lp_check other 17 "$lp_root" '' "${lp_old_version:+version }${lp_old_version:-nothing} is installed" ''
}

# Whether a record is of a version of this product that goes, or went, by other names: what those have made would stay behind.
lp_is_renamed() {
    case $1 in
        "$LP_LIB/state") [ "$lp_old_product" = "$LP_PRODUCT" ] && [ "$lp_old_names" != "$LP_NAMES" ] ;;
        *) [ "${1%/*}" != "$LP_LIB" ] && [ -f "$1" ] && ! lp_is_foreign "$1" && ! lp_is_foreign "${1%/*}" && grep -Fqsx "product=$LP_PRODUCT" "$1" ;;
    esac
}

lp_check_channel() {
    local location record
    for record in "$LP_LIB/state" "${LP_LIB%/*}"/*/state "${LP_LIB%/*}"/*/"kept.$LP_PACKAGE"; do
        lp_is_renamed "$record" || continue
        lp_check other 17 "$record" "$LP_PRODUCT is installed, or kept, under other names ([names] of its manifest)" '' 'build it with the same names, or purge that first'
        return
    done
    if [ -n "$lp_old_product" ]; then
        lp_check_replaceable || lp_check other 17 "$lp_old_root" "$lp_old_package $lp_old_version is installed from its .$lp_old_channel" '' \
            "remove it first: $(lp_removal_command "$lp_old_channel" "$lp_old_package" "$lp_old_root")"
        return
    fi
    if [ -s "$LP_LIB/state" ] || [ -f "$LP_LIB/state" ]; then
        lp_check other 17 "$LP_LIB/state" "$LP_LIB/state is damaged, and no copy of it was found" '' \
            "see what $LP_ETC/location.conf names; to install anew: rm $(lp_quote "$LP_LIB/state")"
        return
    fi
    if location=$(lp_location) && [ -d "$LP_D$location/$LP_N_CONNECTOR" ] && [ "$lp_returns" = 0 ]; then
        lp_check other 17 "$location" 'a connector that none of these packages installed is there' '' \
            "uninstall it by its own means, or, if it is dead, remove $LP_ETC/location.conf and $location/$LP_N_CONNECTOR"
    else
        lp_check_in_the_way
    fi
}

# What this package may take the place of: its own older version, another site's package of the product, and a .run the product's DEB or
# RPM, or they the .run. One that was made before packages knew of each other would take all along when it goes.
lp_check_replaceable() {
    [ -n "$LP_CHANNEL" ] || [ "$lp_old_product" = "$LP_PRODUCT" ] || return 1
    if [ "$lp_old_package" = "$LP_PACKAGE" ] && [ "$lp_old_channel" = "$LP_CHANNEL" ]; then return 0; fi
    [ -z "$LP_CHANNEL" ] || [ "$lp_old_knows" = 1 ] || return 1
    [ "$lp_old_product" = "$LP_PRODUCT" ] || return 1
    case $LP_CHANNEL:$lp_old_channel in
        deb:rpm | rpm:deb) return 1 ;;
        run:deb) dpkg-query -W "$lp_old_package" >/dev/null 2>&1 ;;
        run:rpm) rpm -q "$lp_old_package" >/dev/null 2>&1 ;;
        # One that lies elsewhere would take, by its own names, the newcomer's files along.
        deb:deb | rpm:rpm) [ "${lp_old_link:-$lp_old_root}" = "${RPM_INSTALL_PREFIX:-$LP_PACKAGED_ROOT}" ] ;;
    esac
}

# A first installation takes over no directory that it would have to remove one day. dpkg's "removed, not purged"
# and an interrupted run of ours (lp_returns) have left such directories legitimately.
lp_returns=0
lp_check_in_the_way() {
    local name remedy
    [ "$lp_returns" = 0 ] && [ -z "$(lp_root_fault "$lp_root")" ] || return 0
    remedy='choose another INSTALL_ROOT, or move it away'
    [ "$(lp_journal channel)" != run ] || remedy='a .run was killed there: run it again, which repairs, or with --uninstall'
    [ "$lp_root" != "$lp_kept_root" ] || return 0
    for name in components kept $LP_TREES current versions; do
        ! lp_check_rpm_leftovers "$LP_D$lp_root/$name" || continue
        if [ -e "$LP_D$lp_root/$name" ] || [ -L "$LP_D$lp_root/$name" ]; then
            lp_check other 17 "$lp_root/$name" "$lp_root/$name is there already, and not from this package" '' "$remedy"
        fi
    done
}

# rpm keeps edited files beside their places; an older package's removal left no record of them.
lp_check_rpm_leftovers() {
    [ "$LP_CHANNEL" = rpm ] && [ "$(lp_journal channel)" != run ] && [ -d "$1" ] && [ ! -L "$1" ] || return 1
    [ -z "$(find "$1" ! -type d ! -name '*.rpmsave' ! -name '*.rpmnew' ! -name '*.rpmorig' 2>/dev/null | head -n 1)" ]
}

lp_removal_command() {
    case $1 in
        deb) printf 'dpkg -r %s' "$2" ;;
        rpm) printf 'rpm -e %s' "$2" ;;
        *) lp_quote "$3/bin/linkctl"; printf ' uninstall' ;;
    esac
}

lp_check_account() {
    local fault
    fault=$(lp_account_fault "$lp_v_RUN_AS")
    lp_check account 18 '' "${fault:+the account $lp_v_RUN_AS $fault}" "$lp_v_RUN_AS" \
        "set RUN_AS=auto or RUN_AS=root, or let $lp_v_RUN_AS use sudo without a password ($lp_v_RUN_AS ALL=(ALL) NOPASSWD: ALL)"
}

# Nothing is executed below /tmp and /var/run by us, and hardened machines mount them noexec: that is noted, not refused.
# In a /tmp where others may exchange what root makes there, nothing is made at all.
lp_check_temp() {
    local found
    found='created, written, read, removed; execution is not needed there'
    if [ -d "$LP_D/tmp" ] && lp_is_exchangeable "$LP_D/tmp"; then
        lp_check temp 11 /tmp '' "not tried: others may exchange what root makes there (uid $lp_ls_uid, mode $lp_ls_mode); nothing of ours is needed there" ''
        return
    fi
    lp_probe "$LP_D/tmp" plain
    lp_check temp 11 /tmp "$lp_probe_fault" "$found" "$lp_probe_remedy"
}

# True for a folder in which others may rename or remove what root makes: not root's, or open to others without its sticky bit.
lp_is_exchangeable() {
    lp_ls "$1/." && [ "$lp_ls_uid" = 0 ] || return 0
    case $lp_ls_mode in
        ?????????[tT]*) return 1 ;;
        *) lp_is_foreign "$1/." ;;
    esac
}

lp_check_runtime() {
    if [ -d "$LP_D/var/run" ] && lp_is_foreign "$LP_D/var/run/."; then
        lp_check runtime 13 /var/run "others than root may change /var/run: it belongs to uid $lp_ls_uid with mode $lp_ls_mode" '' \
            'chown root:root /var/run/. && chmod 755 /var/run/.'
        return
    fi
    lp_probe "$LP_D/var/run" plain
    lp_check runtime 13 /var/run "$lp_probe_fault" 'created, written, read, removed; execution is not needed there' "$lp_probe_remedy"
}

# Several things can be wrong with a root; the first one found is reported. What is executed is executed here.
lp_check_root() {
    lp_root_judge || { lp_check root 12 "$lp_root" "$lp_judged" '' "$lp_judged_remedy"; return; }
    lp_nearest=$(lp_nearest_dir "$LP_D$lp_root")
    lp_probe "$lp_nearest" exec
    lp_check root 12 "$lp_root" "$lp_probe_fault" "created, written, read, executed, removed in $lp_nearest" "$lp_probe_remedy"
}

# lp_probe DIR exec|plain: does what the installation will do there, in a folder whose name mkdir makes ours, or fails. Leaves
# the sentence in lp_probe_fault and what to do in lp_probe_remedy.
lp_probe() {
    local probe token said
    lp_probe_fault='' lp_probe_remedy="make $1 a writable directory of root"
    if [ ! -d "$1" ]; then
        lp_probe_fault="$1 is missing"
        lp_probe_remedy="mkdir -p $1"
        [ "$1" != /var/run ] || lp_probe_remedy='mkdir -p /run && ln -s /run /var/run'
        return
    fi
    token=$(lp_random)
    probe=${1%/}/.lp-probe-$$-$token
    if ! said=$( (umask 077 && mkdir "$probe") 2>&1); then
        lp_probe_fault="cannot create in $1: ${said##*: }"
        lp_probe_remedy="make $1 writable: see \`findmnt -T $1\` (read-only?), \`df $1\` and \`df -i $1\` (full?)"
        return
    fi
    lp_probe_inside "$probe" "ok $token" "$2" "$1"
    rm -f "$probe/run"
    rmdir "$probe" || lp_probe_fault="cannot remove from $1"
}

lp_probe_inside() {
    local said
    # A default access control list opens what is made, whatever the umask is.
    lp_ls "$1" || lp_ls_mode=
    case $lp_ls_mode in
        drwx------*) ;;
        *)
            lp_probe_fault="what is made in $4 is open to others (mode $lp_ls_mode): it has a default access control list"
            lp_probe_remedy="remove that: setfacl -k $(lp_quote "$4")"
            return ;;
    esac
    if ! said=$( (umask 077 && set -C && printf '#!/bin/sh\necho "%s"\n' "$2" >"$1/run") 2>&1) ||
        [ "$(sed -n 's/^echo "\(.*\)"$/\1/p' "$1/run" 2>/dev/null)" != "$2" ]; then
        lp_probe_fault="cannot write to $4: ${said##*: }"
        lp_probe_remedy="free space in $4: see \`df $4\`"
        return
    fi
    [ "$3" = exec ] || return 0
    chmod 700 "$1/run"
    said=$("$1/run" 2>&1)
    if [ "$said" != "$2" ]; then
        lp_probe_fault="cannot execute in $4: ${said##*: }"
        lp_probe_remedy="mount it without noexec: mount -o remount,exec \"\$(findmnt -n -o TARGET -T $4)\""
    fi
}

# Adds up what each file system has to take: the payload, a megabyte each for logs and for state, and what is written
# elsewhere: the unit, the init script and its links, settings, the status file.
lp_check_space() {
    local rows fault
    rows=$(
        [ -n "$(lp_root_fault "$lp_root")" ] || lp_space_row "$lp_root" "$LP_NEEDED_KB"
        lp_space_row /var/log 1024
        lp_space_row /var/lib 1024
        lp_space_row "$(lp_space_unit)" 16
        lp_space_row /etc 32
        lp_space_row /var/run 32
    )
    fault=$(printf '%s\n' "$rows" | awk '
        NF >= 3 { m = $0; sub(/^[0-9]+ [0-9]+ /, "", m); need[m] += $1; free[m] = $2 }
        END { for (m in need) if (need[m] > free[m]) printf "%s%s needs %d kB and has %d kB free", (n++ ? "; " : ""), m, need[m], free[m] }')
    [ -n "$fault" ] || fault=$(lp_space_names)
    lp_check space 14 "$lp_root" "${fault:+not enough space: $fault}" "$LP_NEEDED_KB kB needed" 'free space there, or choose another INSTALL_ROOT'
}

# Many file systems hold so many names and no more; those that do not say so have a total of 0, or none.
lp_space_names() {
    [ -z "$(lp_root_fault "$lp_root")" ] || return 0
    df -Pi -- "$(lp_nearest_dir "$LP_D$lp_root")" 2>/dev/null |
        awk -v need="$LP_NEEDED_NAMES" 'NR == 2 && $2 > 0 && $4 ~ /^[0-9]+$/ && $4 < need { printf "the root needs %d new names (inodes) and has %d free: see df -i", need, $4 }'
}

# Where the unit goes; what checks without installing does not know the module that says so.
lp_space_unit() {
    local unit
    if lp_has lp_unit_file; then
        unit=$(lp_unit_file)
        unit=${unit#"$LP_D"}
        printf '%s' "${unit%/*}"
    else
        printf /lib/systemd/system
    fi
}

# NEEDED FREE MOUNT of the file system that will hold a path.
lp_space_row() {
    case $1 in /*) ;; *) return ;; esac
    df -Pk -- "$(lp_nearest_dir "$LP_D$1")" 2>/dev/null |
        awk -v need="$2" 'NR == 2 { m = $6; for (i = 7; i <= NF; i++) m = m " " $i; printf "%d %d %s\n", need, $4, m }'
}
