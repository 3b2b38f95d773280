# Messages, quoting and small file helpers: the first module of every script.
# No module uses a here-document: bash before 5.1 writes those to /tmp, which may be full.

lp_quiet=0 lp_logging=0 lp_options='' LP_D='' LP_ETC=$LP_P_ETC LP_LIB=$LP_P_LIB LP_LOG=$LP_P_LOG LP_RUN=$LP_P_RUN

# The environment and the descriptors are in order: see templates/linux/entry.sh.
lp_init() {
    umask 022
    # A reader of our messages that goes away early ends nothing half-way. A handler, unlike an ignored signal, is not inherited.
    trap : PIPE
    lp_started=$(lp_now)
}

# A DPKG_ROOT installation runs the host's tools on files below another directory.
lp_set_image_root() {
    LP_D=${1%/}
    LP_ETC=$LP_D$LP_P_ETC LP_LIB=$LP_D$LP_P_LIB LP_LOG=$LP_D$LP_P_LOG LP_RUN=$LP_D$LP_P_RUN
}

lp_now() {
    date -u +%Y-%m-%dT%H:%M:%SZ
}

lp_log() {
    [ "$lp_logging" = 1 ] && [ -d "$LP_LOG" ] || return 0
    [ ! -L "$LP_LOG/install.log" ] || rm -f "$LP_LOG/install.log"
    printf '%s %s\n' "$(lp_now)" "$1" 2>/dev/null >>"$LP_LOG/install.log" || :
}

# All that people read goes to stderr: stdout belongs to --json, --list and, in a DEB, to debconf. A full disk behind it fails nothing.
lp_say() {
    lp_log "$1"
    [ "$lp_quiet" = 1 ] || printf '%s\n' "$1" >&2 || :
}

lp_warn() {
    lp_log "warning: $1"
    [ "$lp_quiet" = 1 ] || printf 'warning: %s\n' "$1" >&2 || :
}

# lp_error WHAT WHERE NEXT
lp_error() {
    lp_log "error: $1 ($2)"
    printf 'error: %s\n' "$1" >&2 || :
    [ -z "${2:-}" ] || printf '  note: %s\n' "$2" >&2 || :
    [ -z "${3:-}" ] || printf '  help: %s\n' "$3" >&2 || :
}

# A JSON string; control characters become spaces.
lp_json() {
    case $1 in
        *[!A-Za-z0-9\ ./_:,=+@-]*)
            printf '"%s"' "$(printf '%s' "$1" | tr '\001-\037\177' ' ' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g')" ;;
        *) printf '"%s"' "$1" ;;
    esac
}

# One word that a POSIX shell reads back as the argument: for commands that are shown to be copied.
lp_quote() {
    case $1 in
        '' | *[!A-Za-z0-9./_:,=+@-]*) printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")" ;;
        *) printf '%s' "$1" ;;
    esac
}

lp_has() {
    command -v "$1" >/dev/null 2>&1
}

lp_random() {
    od -An -N8 -tx1 /dev/urandom 2>/dev/null | tr -d ' \n'
}

# The mode string and the numeric owner and group of a file itself, never of what a link points to.
# Sets lp_ls_mode, lp_ls_uid, lp_ls_gid.
lp_ls() {
    local line
    line=$(ls -ldn -- "$1" 2>/dev/null) || return 1
    set -f
    # shellcheck disable=SC2086 # split on purpose: mode, links, uid, gid
    set -- $line
    set +f
    lp_ls_mode=$1 lp_ls_uid=$3 lp_ls_gid=$4
}

# True when others than root could have written the file, or could write what is made in the folder.
lp_is_foreign() {
    lp_ls "$1" || return 0
    [ "$lp_ls_uid" = 0 ] || return 0
    case $lp_ls_mode in
        l*) return 1 ;;
        ????????w*) return 0 ;;
        ?????w* | *+) lp_is_foreign_by_group "$1" ;;
        *) return 1 ;;
    esac
}

# Where there is an access control list, the bits of the group are its mask and say nothing of who is in it.
lp_is_foreign_by_group() {
    local equal
    # Debian's /usr/local belonged to the group staff, which is root's equal there.
    equal=0
    [ "${1%/}" != /usr/local ] || equal=50
    if lp_has getfacl; then
        getfacl -cpn -- "$1" 2>/dev/null | awk -F : -v group="$lp_ls_gid" -v equal="$equal" '
            { sub(/^default:/, ""); rights = ($0 ~ /#effective:/) ? $NF : substr($3, 1, 3) }
            rights !~ /w/ { next }
            $1 == "user" && $2 != "" && $2 != "0" { foreign = 1 }
            $1 == "group" { g = ($2 == "") ? group : $2; if (g != "0" && g != equal) foreign = 1 }
            $1 == "other" { foreign = 1 }
            END { exit !(foreign || NR < 3) }'
        return
    fi
    case $lp_ls_mode in
        ?????w*+) return 0 ;;
        ?????w*) case $lp_ls_gid in 0 | "$equal") lp_ls_hides_lists ;; esac ;;
        *) return 1 ;;
    esac
}

# busybox's ls does not mark a file that has an access control list.
lp_ls_hides_lists() {
    case $(ls --help 2>&1) in *[Bb]usy[Bb]ox*) return 0 ;; *) return 1 ;; esac
}

# What lies at the paths is on the disk when this returns, with all else on their file systems: one system call for each of
# those, not one for each file.
lp_sync() {
    local path device seen
    if ! lp_sync_takes_a_path; then
        sync
        return
    fi
    seen=:
    for path in "$@"; do
        [ -e "$path" ] || path=$(lp_nearest_dir "$path")
        device=$(stat -L -c %d -- "$path" 2>/dev/null) || device=$path
        case $seen in *":$device:"*) continue ;; esac
        seen=$seen$device:
        sync -f "$path" || return 1
    done
}

# coreutils before 8.24 knows no arguments. Asked by a name that is not there, which syncs nothing.
lp_sync_takes_a_path() {
    case $(sync -f /dev/null/none 2>&1) in *' option'* | *ignoring* | '') return 1 ;; esac
}

# All that an installation has written is on the disk when this returns.
lp_settle() {
    lp_sync "$LP_D$lp_root" "$(lp_unit_file)" "$LP_D/etc" "$LP_LIB" "$LP_LOG"
}

# lp_rename FROM TO: over a file or a link, never into a folder. busybox's mv -T refuses a link to a folder.
lp_rename() {
    mv -fT "$1" "$2" 2>/dev/null && return
    if [ -L "$2" ] && [ -d "$2" ]; then rm -f "$2" || return 1; fi
    [ ! -d "$2" ] && mv -f "$1" "$2"
}

# lp_write FILE MODE [OWNER]: stdin becomes FILE, whole or not at all, also when the power is cut. For folders that only
# root can write: a folder in FILE's place, or a link that somebody else made there, is left alone and is a failure.
lp_write() {
    local temporary
    if [ -L "$1" ]; then
        ! lp_is_foreign "$1" || return 1
    elif [ -d "$1" ]; then
        lp_error "$1 is a folder, and has to be a file" '' 'move it away, and try again'
        return 1
    fi
    temporary="${1%/*}/.lp-$$-$(lp_random)"
    if (set -C; umask 077; cat >"$temporary") && chmod "$2" "$temporary" &&
        { [ -z "${3:-}" ] || chown -h "$3" "$temporary"; } && lp_sync_file "$temporary" && lp_rename "$temporary" "$1"; then
        return 0
    fi
    rm -f "$temporary"
    return 1
}

# One file alone: much may wait to be written on its file system that this one need not wait for.
lp_sync_file() {
    if lp_sync_takes_a_path; then sync "$1"; else sync; fi
}

# What an lp_write that was killed has left in a directory. In the system's own folders another product's installer may be at work.
lp_sweep() {
    local dir file name
    for dir in "$@"; do
        for file in "$dir"/.lp-[0-9]*; do
            name=${file##*/.lp-}
            [ -f "$file" ] && [ ! -L "$file" ] || continue
            # One that has ended and that nobody has waited for, as in a container whose process 1 does not, has no program any more.
            readlink "/proc/${name%%-*}/exe" >/dev/null 2>&1 || rm -f "$file"
        done
    done
}

# The folders that a killed preflight has left in /tmp, /var/run, the root and above it.
lp_sweep_probes() {
    local dir
    [ "$(id -u)" = 0 ] || return 0
    lp_sweep_probes_in "$LP_D/tmp"
    lp_sweep_probes_in "$LP_D/var/run"
    case $1 in /*) dir=$1 ;; *) return 0 ;; esac
    while [ -n "$dir" ]; do
        lp_sweep_probes_in "$LP_D$dir"
        dir=${dir%/*}
    done
    lp_sweep_probes_in "$LP_D"
}

# Ours are private folders of root, named .lp-probe-PID-TOKEN, and of no process that lives. Where others could put
# another folder under such a name nothing is touched, and nothing but an empty folder and its one file ever goes.
lp_sweep_probes_in() {
    local probe pid
    for probe in "$1"/.lp-probe-*; do
        [ -d "$probe" ] && [ ! -L "$probe" ] || continue
        lp_ls "$1/." && [ "$lp_ls_uid" = 0 ] || return 0
        case $lp_ls_mode in ?????w???[!tT]* | ????????w[!tT]*) return 0 ;; esac
        lp_ls "$probe" && [ "$lp_ls_uid" = 0 ] || continue
        case $lp_ls_mode in drwx------*) ;; *) continue ;; esac
        pid=${probe##*/.lp-probe-}
        pid=${pid%%-*}
        case $pid in '' | *[!0-9]*) continue ;; esac
        ! kill -0 "$pid" 2>/dev/null || continue
        rm -f "$probe/run"
        rmdir "$probe" 2>/dev/null || :
    done
}

# Makes a directory and what is missing above it; remembers what it made in lp_made, for the uninstall.
lp_made=
lp_make_dir() {
    local parent
    [ ! -d "$1" ] || return 0
    parent=${1%/*}
    [ -z "$parent" ] || lp_make_dir "$parent" 755 || return 1
    mkdir -m "${2:-755}" "$1" || return 1
    lp_made=$1${lp_made:+:$lp_made}
}

# The directory itself or the nearest one above it that exists.
lp_nearest_dir() {
    local dir
    dir=$1
    while [ ! -d "$dir" ]; do
        dir=${dir%/*}
        [ -n "$dir" ] || dir=/
    done
    printf '%s' "$dir"
}

# lp_value FILE KEY: the last `KEY=value` line's value.
lp_value() {
    local line value
    value=
    [ -f "$1" ] || return 1
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in "$2="*) value=${line#*=} ;; esac
    done <"$1"
    printf '%s' "$value"
}
