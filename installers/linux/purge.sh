# What runs when the package's files are gone: the end of a removal, and the purge. It needs no other module, only LP_D, PATH and the names: a
# plain removal leaves it as $LP_P_LIB/purge where the package manager has no purge of its own.
# All it knows it has from kept.PACKAGE in that folder, the record that the first half of the removal wrote.

# The folders of the root that packages bring.
LP_TREES="$LP_N_CONNECTOR $LP_N_CONTAINERS bin"

# The name that a row of a list stands for: a line feed in it is written as byte 1.
lp_files_name() {
    case $1 in
        *"$lp_soh"*) printf '%s' "$1" | tr '\001' '\n' ;;
        *) printf '%s' "$1" ;;
    esac
}
lp_soh=$(printf '\001')

lp_purge_value() {
    sed -n "s/^$2=//p" "$1" 2>/dev/null | tail -n 1
}

# The root of what is installed, or on its way; "?" where that is damaged, so that nothing is taken for unused.
lp_purge_live() {
    local lib root
    lib=$LP_D$LP_P_LIB root=
    [ -e "$lib/state" ] || [ -e "$lib/journal" ] || return 0
    for file in "$lib/state" "$lib/journal"; do
        [ -n "$root" ] || root=$(lp_purge_value "$file" root)
    done
    [ -n "$root" ] || root=$(head -n 1 "$LP_D$LP_P_ETC/location.conf" 2>/dev/null)
    printf '%s' "${root:-?}"
}

# The record of a package, as the name of a plain file.
lp_purge_record() {
    local record
    record=$LP_D$LP_P_LIB/kept.$1
    [ -f "$record" ] && [ ! -L "$record" ] || return 1
    case $(lp_purge_value "$record" root)/ in
        /*/../* | //* | [!/]*) return 1 ;;
        /*/) printf '%s' "$record" ;;
        *) return 1 ;;
    esac
}

# What was killed while it was installed leaves without a first half, and what has lost its modules: that is made up for here. %preun then
# leaves a copy of the state, which rpm removes with the package's files. lp_removed_unrecorded PACKAGE CHANNEL
lp_removed_unrecorded() {
    local lib file package
    lib=$LP_D$LP_P_LIB file=$LP_D$LP_P_LIB/state
    [ -s "$file" ] || file=$lib/leaving
    # An installation that never came as far as its state has nothing to keep.
    [ -s "$file" ] || file=$lib/journal lp_removed_all=1
    package=$(lp_purge_value "$file" package)
    [ -n "$package" ] || package=$(lp_purge_value "$file" product)
    [ "$package" = "$1" ] && [ "$(lp_purge_value "$file" channel)" = "$2" ] || return 1
    lp_removed_service
    (umask 077 && { printf 'package=%s\naccount=%s\n' "$1" "$(lp_purge_value "$file" run_as)"; grep -E '^(product|channel|root|link|made)=' "$file"; } >"$lib/kept.$1")
    [ -n "$(lp_purge_value "$lib/kept.$1" product)" ] || printf 'product=%s\n' "$LP_PRODUCT" >>"$lib/kept.$1"
}

# `systemctl edit --full` leaves a copy of our unit in /etc/systemd/system: that is the administrator's, and lacks this line.
LP_UNIT_LOCAL='# In /etc/systemd/system, since /usr is read-only here.'

# Units and scripts of ours say so.
lp_is_marked() {
    [ -f "$1" ] && [ ! -L "$1" ] && grep -Fqx "# Written by linkpack for $LP_PRODUCT" "$1"
}

lp_removed_is_ours() {
    lp_is_marked "$1" || return 1
    case $1 in "$LP_D"/etc/systemd/*) grep -Fqx "$LP_UNIT_LOCAL" "$1" ;; esac
}

# Nothing of ours stays with the init systems; what another one has put in our place, and its links, do.
lp_removed_service() {
    local file ours unit script
    unit=$LP_D/etc/systemd/system/$LP_SERVICE.service script=$LP_D/etc/init.d/$LP_SERVICE ours=0
    set -- "$LP_D/lib/systemd/system/$LP_SERVICE.service" "$LP_D/usr/lib/systemd/system/$LP_SERVICE.service" "$unit" "$script"
    for file in "$@"; do
        ! lp_removed_is_ours "$file" || ours=1
    done
    if [ -n "$LP_D" ] || [ "$ours" = 0 ]; then :
    elif [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then systemctl stop "$LP_SERVICE.service"
    elif lp_removed_is_ours "$script"; then "$script" stop
    fi >&2 </dev/null || :
    if [ ! -e "$unit" ] || lp_removed_is_ours "$unit"; then
        ! command -v deb-systemd-helper >/dev/null 2>&1 || deb-systemd-helper purge "$LP_SERVICE.service" >/dev/null 2>&1 || :
        for file in "$LP_D"/etc/systemd/system/*.wants/"$LP_SERVICE.service"; do [ ! -L "$file" ] || rm -f "$file"; done
    fi
    if [ ! -e "$script" ] || lp_removed_is_ours "$script"; then
        for file in "$LP_D"/etc/rc[0-9S].d/[SK][0-9][0-9]"$LP_SERVICE" "$LP_D"/etc/rc.d/rc[0-9].d/[SK][0-9][0-9]"$LP_SERVICE"; do
            case $(readlink "$file") in */init.d/"$LP_SERVICE") rm -f "$file" ;; esac
        done
    fi
    for file in "$@" "$LP_D/etc/logrotate.d/$LP_SERVICE"; do
        ! lp_removed_is_ours "$file" || rm -f "$file"
    done
    [ -n "$LP_D" ] || [ ! -d /run/systemd/system ] || systemctl --system daemon-reload >&2 || :
}

# lp_removed PACKAGE CHANNEL: the second half of a removal. Without a record another package has taken over.
lp_removed() {
    local record root name left
    lp_removed_all=0
    if ! record=$(lp_purge_record "$1") && ! { lp_removed_unrecorded "$1" "$2" && record=$(lp_purge_record "$1"); }; then
        lp_links_show "$LP_D$(head -n 1 "$LP_D$LP_P_ETC/location.conf" 2>/dev/null)" hidden
        return 0
    fi
    root=$(lp_purge_value "$record" root)
    name=$(lp_purge_value "$record" leads)
    if [ -n "$name" ] && [ ! -e "$LP_D$root" ] && [ ! -L "$LP_D$root" ]; then ln -s "$name" "$LP_D$root"; fi
    lp_removed_orphans "$LP_D$root" "$(lp_purge_value "$record" channel)" "$(lp_purge_value "$record" link)"
    rm -rf "$LP_D$root/.linkpack"
    for name in $LP_TREES; do
        [ ! -d "$LP_D$root/$name" ] || [ -L "$LP_D$root/$name" ] || find "$LP_D$root/$name" -depth -type d -exec rmdir {} \; 2>/dev/null
    done
    lp_purge_link "$(lp_purge_value "$record" link)" "$root"
    lp_purge_run
    rm -f "$LP_D$LP_P_ETC/location.conf"
    for name in state journal leaving rolled_back; do rm -f "$LP_D$LP_P_LIB/$name"; done
    # What is there now is all that a purge takes one day.
    left=
    for name in components kept $LP_TREES; do
        [ ! -e "$LP_D$root/$name" ] || left=$left${left:+:}$name
    done
    printf 'left=%s\n' "$left" >>"$record"
    rmdir "$LP_D$root" 2>/dev/null || :
    lp_purge_made "$(lp_purge_value "$record" made)"
    # `linkctl purge` has asked for all of it.
    if [ "$lp_removed_all" = 1 ] || [ "$(head -n 1 "$LP_D$LP_P_LIB/purge-next" 2>/dev/null)" = "$1" ]; then lp_purge "$1"; fi
}

# Files that a rollback put back and the package manager does not know, and what a killed rpm left half unpacked (NAME;TIME). One that
# a package has brought since then is another inode, or known, or has its new version beside it.
lp_removed_orphans() {
    [ "$2" != rpm ] || find "$1/$LP_N_CONNECTOR" "$1/$LP_N_CONTAINERS" "$1/bin" ! -type d \
        -name '*;[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]' -exec sh -c '
        for file; do rpm -qf "$file" >/dev/null 2>&1 || rm -f "$file"; done' sh {} + 2>/dev/null
    [ -d "$1/.linkpack/orphans" ] || return 0
    # shellcheck disable=SC2016 # expanded by the inner shell
    (cd "$1/.linkpack/orphans" && find . ! -type d -exec sh -c '
        root=$1 channel=$2 packaged=$3
        shift 3
        inode() { ls -di -- "$1" 2>/dev/null | sed "s/^ *//; s/ .*//; q"; }
        for file; do
            name=${file#./}
            [ "$(inode "$file")" = "$(inode "$root/$name")" ] && [ ! -e "$root/$name.rpmnew" ] || continue
            [ "$channel" != deb ] || ! dpkg-query -S "$packaged/$name" >/dev/null 2>&1 || continue
            rm -f "$root/$name"
            (cd "$root" && rmdir -p "${name%/*}") 2>/dev/null
        done' sh "$1" "$2" "${3:-${1#"$LP_D"}}" {} +) || :
    rm -rf "$1/.linkpack/orphans"
}

# A package manager that forgets a package removes its files: through the links of a .run that has taken over, those of its version.
# lp_links_hide|show ROOT PLACE
lp_links_hide() {
    local name
    [ -L "$1/current" ] && mkdir -p "$1/.linkpack/$2" || return 0
    for name in $LP_TREES; do
        [ ! -L "$1/$name" ] || mv "$1/$name" "$1/.linkpack/$2/$name"
    done
}

lp_links_show() {
    local name
    [ -d "$1/.linkpack/$2" ] || return 0
    for name in $LP_TREES; do
        [ ! -L "$1/.linkpack/$2/$name" ] || { rm -rf "${1:?}/$name" && mv "$1/.linkpack/$2/$name" "$1/$name"; }
    done
    rmdir "$1/.linkpack/$2"
}

# lp_purge PACKAGE: what its plain removal has kept goes. Nothing that an installation uses is touched, and nothing that has come since.
# The record stays where something could not go.
lp_purge() {
    local record root live left name code
    code=0
    record=$(lp_purge_record "$1") || return 0
    root=$(lp_purge_value "$record" root) left=$(lp_purge_value "$record" left)
    live=$(lp_purge_live)
    if [ "$live" != "$root" ] && [ "$live" != '?' ]; then
        for name in components kept $LP_TREES; do
            case :$left: in *:$name:*) lp_purge_tree "$LP_D$root/$name" || code=1 ;; esac
        done
        [ "$code" = 0 ] || return 1
        lp_purge_link "$(lp_purge_value "$record" link)" "$root"
        rmdir "$LP_D$root" 2>/dev/null || :
    fi
    left=$(lp_purge_value "$record" made)
    rm -f "$record"
    if [ -z "$live" ]; then lp_purge_shared "$left"; fi
    lp_purge_made "$left"
}

# What every product of linkpack shares goes with the last of them. lp_purge_shared MADE
lp_purge_shared() {
    local name
    for name in "$LP_D$LP_P_LIB"/kept.*; do [ ! -f "$name" ] || return 0; done
    lp_purge_logs "$1"
    lp_purge_run
    # The account of the product's own, where a package's script has its module.
    ! command -v lp_account_remove >/dev/null || lp_account_remove
    rm -f "$LP_D$LP_P_ETC/install.conf"
    for name in settings written site lock purge purge-next kept rolled_back; do rm -f "$LP_D$LP_P_LIB/$name"; done
    # What an installation that was killed had begun to write.
    for name in "$LP_D$LP_P_LIB"/.lp-[0-9]*; do [ ! -f "$name" ] || rm -f "$name"; done
}

# lp_purge_logs MADE: in a folder that was there before the product only what has a name of ours goes.
lp_purge_logs() {
    local name
    case :$1: in *":$LP_D$LP_P_LOG:"*) lp_purge_tree "$LP_D$LP_P_LOG"; return ;; esac
    [ -d "$LP_D$LP_P_LOG" ] && [ ! -L "$LP_D$LP_P_LOG" ] || return 0
    for name in install "$LP_SERVICE" $LP_CONTAINERS; do rm -f "$LP_D$LP_P_LOG/$name.log" "$LP_D$LP_P_LOG/$name.log".*; done
    rm -f "$LP_D$LP_P_LOG/install.json"
    rmdir "$LP_D$LP_P_LOG" 2>/dev/null || :
}

# In a chroot or an image with /run bound the folder is that of the running system.
lp_purge_run() {
    [ -z "$LP_D" ] && [ "$(stat -L -c %d:%i / 2>/dev/null)" = "$(stat -L -c %d:%i /proc/1/root 2>/dev/null)" ] || return 0
    lp_purge_tree "$LP_P_RUN"
}

# Whether a file system is mounted at a folder or below it: what is on it may be anybody's.
lp_purge_is_mounted() {
    local real
    [ -r /proc/self/mounts ] && real=$(cd -P -- "$1" 2>/dev/null && pwd -P) || return 1
    # A space is \040 there.
    printf '%s\n' "$real" | sed 's/ /\\040/g' | awk 'NR == FNR { real = $0; next } index($2 "/", real "/") == 1 { found = 1 } END { exit !found }' - /proc/self/mounts
}

# Removes a folder that may belong to another account. What lies in it goes with that account's rights; what the account may not remove
# goes once no other account can reach it: moved into a folder of root's.
lp_purge_tree() {
    local owner group away guard
    [ -e "$1" ] || [ -L "$1" ] || return 0
    if [ -L "$1" ] || [ ! -d "$1" ]; then
        rm -f "$1"
        return
    fi
    # shellcheck disable=SC2012 # numbers, of one name of ours
    owner=$(ls -ldn -- "$1" | awk '{ print $3; exit }') group=$(ls -ldn -- "$1" | awk '{ print $4; exit }')
    # With a capability more than the account it cannot be traced, and held up, by it: see lp_as.
    guard='--inh-caps=+net_bind_service --ambient-caps=+net_bind_service'
    # shellcheck disable=SC2086 # two options, or none
    setpriv $guard true 2>/dev/null || guard=
    # shellcheck disable=SC2086
    [ "$owner" = 0 ] && ! lp_purge_is_mounted "$1" ||
        (cd / && setpriv --reuid="$owner" --regid="$group" --clear-groups $guard find "$1" -xdev -mindepth 1 -delete) >/dev/null 2>&1 || :
    if lp_purge_is_mounted "$1"; then
        printf 'warning: a file system is mounted at or below %s: that stays\n' "$1" >&2
        return 1
    fi
    away=${1%/*}/.lp-away-$$
    mkdir -m 700 "$away" || return 1
    mv "$1" "$away/gone"
    rm -rf "$away"
}

lp_purge_link() {
    [ -n "$1" ] && [ -L "$LP_D$1" ] && [ "$(readlink "$LP_D$1")" = "$2" ] || return 0
    rm -f "$LP_D$1"
}

# Folders that an installation had to make, innermost first, as far as they are empty.
lp_purge_made() {
    local rest dir
    rest=$1${1:+:}
    while [ -n "$rest" ]; do
        dir=${rest%%:*} rest=${rest#*:}
        case $dir in /*) rmdir "$dir" 2>/dev/null || : ;; esac
    done
    rmdir "$LP_D$LP_P_ETC" "$LP_D$LP_P_LIB" 2>/dev/null || :
}

# The script that stays: every record there is.
lp_purge_all() {
    local record
    [ "$(id -u)" = 0 ] || { printf 'error: this must run as root\n' >&2; return 10; }
    cd / || return
    for record in "$LP_D$LP_P_LIB"/kept.*; do
        [ ! -f "$record" ] || lp_purge "${record##*/kept.}"
    done
}
