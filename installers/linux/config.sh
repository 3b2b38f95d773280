# csclient.cfg: made from the settings, merged on an upgrade. See docs/endpoint.md for its grammar.
# lp_config_pairs CALLBACK (rendered with the facts) calls CALLBACK KEY VALUE SETTING... for every line wanted.

lp_config_file() {
    printf '%s' "$LP_D$lp_root/components/csclient.cfg"
}

# serverUrl takes the fallbacks after semicolons. When an upgrade is given only one of the two, the other stays.
lp_config_urls() {
    local primary fallbacks current
    primary=$lp_v_SERVER_URL fallbacks=$lp_v_FALLBACK_URLS
    current=$(lp_config_value serverUrl)
    if [ -n "$current" ]; then
        lp_config_is_asked '' '' SERVER_URL || primary=${current%%;*}
        if ! lp_config_is_asked '' '' FALLBACK_URLS; then
            fallbacks=
            case $current in *\;*) fallbacks=${current#*;} ;; esac
        fi
    fi
    printf '%s' "$primary${fallbacks:+;$fallbacks}"
}

# The value of a key as it stands in the file, unquoted.
lp_config_value() {
    sed -n "s/^$1:[[:space:]]*\"\(.*\)\"[[:space:]]*\$/\1/p" "$(lp_config_file)" 2>/dev/null | tail -n 1 | sed 's/\\\(.\)/\1/g'
}

lp_config_line() {
    printf '%s: "%s"\n' "$1" "$(printf '%s' "$2" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g')"
}

# Of the lines that exist only those change whose setting was given on this run's command line.
lp_config_is_asked() {
    local setting
    shift 2
    for setting in "$@"; do
        case " $lp_options " in *" $setting "*) return 0 ;; esac
    done
    return 1
}

lp_config_replace() {
    if [ "$1" = "$lp_config_key" ] && lp_config_is_asked "$@"; then
        lp_config_done=1
        lp_config_line "$1" "$2"
    fi
}

lp_config_add() {
    [ -n "$2" ] || return 0
    case $lp_config_seen in *" $1 "*) return 0 ;; esac
    lp_config_line "$1" "$2"
}

# A core id given now is bound to this machine by the connector: the old binding must go.
lp_config_drops() {
    [ "$1" = vlinkMachineId ] && lp_config_is_asked vlinkCoreId '' CORE_ID
}

# The merged text. Every line that exists stays, also comments and keys unknown here.
lp_config_text() {
    local line
    lp_config_seen=' '
    if [ -f "$1" ]; then
        while IFS= read -r line || [ -n "$line" ]; do
            lp_config_key=${line%%:*} lp_config_done=0
            case $lp_config_key in
                '' | *[!A-Za-z0-9._-]*) ;;
                *)
                    lp_config_seen="$lp_config_seen$lp_config_key "
                    ! lp_config_drops "$lp_config_key" || continue
                    lp_config_pairs lp_config_replace ;;
            esac
            [ "$lp_config_done" = 1 ] || printf '%s\n' "$line"
        done <"$1"
    fi
    lp_config_pairs lp_config_add
}

lp_config_write() {
    local file made
    file=$(lp_config_file) made=0
    lp_make_dir "${file%/*}" 755 || return 1
    [ -f "$file" ] || made=1
    (umask 077 && lp_config_text "$file" >"$LP_D$lp_root/.linkpack/csclient.new") || return 1
    # Ours are the values of a first installation; what an upgrade finds edited must stay "edited".
    if [ "$made" = 1 ] || lp_config_is_ours "$(lp_config_digest "$file")" "$lp_old_config_sum"; then
        lp_config_sum=$(lp_config_digest "$LP_D$lp_root/.linkpack/csclient.new")
        # Killed between here and the state, the next attempt finds a file that the state does not know.
        [ ! -f "$LP_LIB/journal" ] || printf 'config_sum=%s\n' "$lp_config_sum" >>"$LP_LIB/journal" || return 1
    else
        lp_config_sum=edited
    fi
    # The directory belongs to the account: the file gets there by a rename, which follows no link.
    lp_give "$LP_D$lp_root/.linkpack/csclient.new" &&
        chmod 600 "$LP_D$lp_root/.linkpack/csclient.new" &&
        mv -f "$LP_D$lp_root/.linkpack/csclient.new" "$file"
}

# The digest of what an administrator could have edited: not the identity, which the connector writes.
lp_config_digest() {
    [ -f "$1" ] || return 0
    sed -e '/^vlinkCoreId:/d' -e '/^vlinkMachineId:/d' "$1" | cksum
}

# Whether a digest is the one of the state, or of what an attempt that was killed wrote.
lp_config_is_ours() {
    [ "$1" = "$2" ] || lp_journal_sums | grep -qxF "config_sum=$1"
}

lp_config_is_edited() {
    local file
    file=$(lp_config_file)
    [ -f "$file" ] && ! lp_config_is_ours "$(lp_config_digest "$file")" "$1"
}
