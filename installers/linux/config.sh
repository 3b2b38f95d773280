# csclient.cfg: made from the settings, merged on an upgrade. See docs/endpoint.md for its grammar and for which value counts.
# It lies in a folder of the account that runs the connector: it is read, put aside and written with that account's rights alone.
# The text is made in <root>/.linkpack. lp_config_pairs CALLBACK (rendered with the facts) calls CALLBACK KEY VALUE SETTING...

LP_CONFIG_LIMIT=1048576

lp_config_file() {
    printf '%s' "$LP_D$lp_root/components/csclient.cfg"
}

# The account that a folder belongs to. A folder reached through a link is the connector's account's.
lp_folder_account() {
    local account
    account=$lp_v_RUN_AS
    if [ -n "$LP_D" ]; then account=root
    elif [ -d "$1" ] && [ ! -L "$1" ]; then
        account=$(ls -ld -- "$1") && account=${account#* } && account=${account#"${account%%[! ]*}"} && account=${account#* }
        account=${account#"${account%%[! ]*}"}
        account=${account%% *}
    fi
    printf '%s' "${account:-root}"
}

# lp_take FILE LIMIT: prints a plain file of at most LIMIT bytes, with the rights of its folder's account.
# 3: it is no such file, or cannot be read; 4: it is not there. Others than its account may hold it up for 30 seconds at most: a pipe that
# came after the look opens without a writer for reading and writing, and is looked at again. Root opens in folders of root's, for reading.
lp_take() {
    local lp_as_limit=30
    # shellcheck disable=SC2016 # expanded by the inner shell
    lp_as "$(lp_folder_account "${1%/*}")" sh -c '
        [ -e "$1" ] || [ -L "$1" ] || exit 4
        [ -n "$(find "$1" -prune -type f -links 1 -size "-$(($2 / 512 + 1))")" ] || exit 3
        { { [ "$(id -u)" != 0 ] && command exec 3<>"$1"; } || command exec 3<"$1"; } && { [ ! -d /proc/self/fd ] || [ -f /proc/self/fd/3 ]; } || exit 3
        exec head -c "$2" <&3 3<&-' sh "$1" "$2" </dev/null 2>/dev/null
}

# lp_config_put FILE: becomes csclient.cfg, whole or not at all.
lp_config_put() {
    local lp_as_limit folder
    lp_as_limit=60 folder=$LP_D$lp_root/components
    # shellcheck disable=SC2016 # expanded by the inner shell
    lp_as "$(lp_folder_account "$folder")" sh -c '
        umask 077
        cd "$1" && set -C && cat >"$2" && set +C && { sync "$2" 2>/dev/null || sync; } &&
            { mv -fT "$2" csclient.cfg 2>/dev/null || mv -f "$2" csclient.cfg; } || { rm -f "$2"; exit 1; }' sh "$folder" ".lp-$$-$(lp_random)" <"$1"
}

# What has the name of csclient.cfg and cannot be read as one makes room.
lp_config_aside() {
    local lp_as_limit file
    lp_as_limit=30 file=$(lp_config_file)
    # shellcheck disable=SC2016 # expanded by the inner shell
    lp_as "$(lp_folder_account "${file%/*}")" sh -c '
        rm -rf "$1.unusable"
        mv -f "$1" "$1.unusable" || rm -rf "$1"
        [ ! -e "$1" ] && [ ! -L "$1" ]' sh "$file" </dev/null || return 1
    lp_warn "$file was no plain file of its account, or larger than $LP_CONFIG_LIMIT bytes: it is now $file.unusable, and a new one is written"
}

# lp_config_copy FILE: what csclient.cfg holds; nothing where there is none that can be used. Returns what lp_take does.
lp_config_copy() {
    local code
    code=0
    (umask 077 && lp_take "$(lp_config_file)" "$LP_CONFIG_LIMIT" >"$1") || code=$?
    [ "$code" = 0 ] || rm -f "$1"
    return "$code"
}

# The value of a key as it stands in the file, unquoted.
lp_config_value() {
    lp_take "$(lp_config_file)" "$LP_CONFIG_LIMIT" | lp_config_pick "$1"
}

lp_config_pick() {
    awk -v wanted="$1" "$LP_CONFIG_AWK"'
        key_of($0) == wanted { found = value_of($0) }
        END { if (found != BROKEN) printf "%s", found }'
}

# The grammar. A line that cannot be read has no key; a value that cannot be read is BROKEN, which equals no value.
LP_CONFIG_AWK='
    BEGIN { BROKEN = "\001" }
    function key_of(line,   at) {
        sub(/^[ \t]+/, "", line)
        at = index(line, ":")
        if (at < 2) return ""
        line = substr(line, 1, at - 1)
        sub(/[ \t]+$/, "", line)
        return line ~ /[^A-Za-z0-9._-]/ ? "" : line
    }
    function value_of(line,   at, size, c, value) {
        sub(/^[^:]*:[ \t]*/, "", line)
        sub(/[ \t\r]+$/, "", line)
        size = length(line)
        if (size < 2 || substr(line, 1, 1) != "\"") return BROKEN
        for (at = 2; at <= size; at++) {
            c = substr(line, at, 1)
            if (c == "\"") return at == size ? value : BROKEN
            if (c == "\\") c = substr(line, ++at, 1)
            value = value c
        }
        return BROKEN
    }
    function line_of(key, value,   at, c, text) {
        for (at = 1; at <= length(value); at++) {
            c = substr(value, at, 1)
            text = text (c == "\"" || c == "\\" ? "\\" c : c)
        }
        return key ": \"" text "\""
    }'

# Whether a source above the site names one of the settings.
lp_config_is_named() {
    local setting source
    for setting in "$@"; do
        eval "source=\$lp_f_$setting"
        case $source in kept | debconf | answer | option) return 0 ;; esac
    done
    return 1
}

lp_config_is_ignored() {
    [ -n "${1:-}" ] || return 1
    eval "[ \"\$lp_f_$1\" = ignored ]"
}

# serverUrl takes the fallbacks after semicolons. Each half is a value of its own, which stays where it was edited by hand.
lp_config_url_parts() {
    local current fallbacks
    current=$(lp_config_pick serverUrl <"$1/csclient.old") fallbacks=
    case $current in *\;*) fallbacks=${current#*;} ;; esac
    lp_config_parts='' lp_config_joined=$([ -z "$current" ] || printf 1)
    lp_config_url_part SERVER_URL "${current%%;*}" "$lp_v_SERVER_URL"
    lp_config_primary=$lp_config_part
    lp_config_url_part FALLBACK_URLS "$fallbacks" "$lp_v_FALLBACK_URLS"
    lp_config_fallbacks=$lp_config_part
}

# lp_config_url_part SETTING CURRENT WANTED
lp_config_url_part() {
    lp_config_part=$3
    if lp_config_is_ignored "$1" || { [ "$lp_config_joined" = 1 ] && ! lp_config_is_named "$1" && ! lp_config_wrote "$1" "$2" && [ "$2" != "$3" ]; }; then
        lp_config_part=$2
        lp_config_parts="$lp_config_parts$(grep "^$1=" "$lp_config_written")
"
    else
        lp_config_parts="$lp_config_parts$1=$3
"
    fi
}

# lp_config_wrote KEY VALUE: whether we wrote it, and it was not edited since.
lp_config_wrote() {
    [ "$lp_config_ours" = 1 ] || grep -qxF -- "$1=$2" "$lp_config_written"
}

lp_config_urls() {
    printf '%s' "$lp_config_primary${lp_config_fallbacks:+;$lp_config_fallbacks}"
}

# A row KEY FLAG VALUE of what is wanted. FLAG 1: whatever the file says; 0: unless it was edited; -: only where the key is missing;
# =: as it is. With lp_config_only=1 nothing but what this run's command line names is wanted.
lp_config_only=0
lp_config_want() {
    local key value flag
    key=$1 value=$2 flag=0
    shift 2
    if [ "$key" = vlinkCoreId ]; then
        lp_config_core_id_is_new || return 0
    fi
    if [ "$lp_config_only" = 1 ] && ! lp_config_is_named "$@"; then flag='='
    elif lp_config_is_named "$@" || { [ "$key" = serverUrl ] && [ "$lp_config_joined" = 1 ]; }; then flag=1
    elif lp_config_is_ignored "$@"; then flag=-
    fi
    printf '%s\t%s\t%s\n' "$key" "$flag" "$value"
}

# A core id is written once. After that the identity is the connector's: a clone has made a new one, a sealed image has none. Only
# another CORE_ID, or one on this run's command line, is a new wish. The id itself is not remembered, only its sum.
lp_config_core_id_is_new() {
    [ "$lp_f_CORE_ID" != option ] || return 0
    [ -n "$lp_v_CORE_ID" ] || return 1
    [ "$lp_config_found" = 1 ] || return 0
    [ -f "$LP_LIB/written" ] && [ "$(lp_value "$lp_config_written" core_id_sum)" != "$(lp_config_id_sum)" ]
}

lp_config_id_sum() {
    printf '%s' "$lp_v_CORE_ID" | lp_config_cksum
}

# busybox may have no cksum.
lp_config_cksum() {
    if lp_has cksum; then cksum; else md5sum; fi
}

# lp_site_pairs CALLBACK: the lines that the site has for csclient.cfg. They come after the package's own, over those of the same key.
lp_site_pairs() {
    local rest line
    rest=$lp_site_lines
    while [ -n "$rest" ]; do
        line=${rest%%"$lp_line_end"*} rest=${rest#*"$lp_line_end"}
        "$1" "${line%%=*}" "${line#*=}"
    done
}

# Merges. Every line that exists stays, also comments and keys unknown here; of a key that stands twice the last line counts. New
# rows of what was written go to ROWS.
lp_config_merge() {
    awk -v want="$1" -v written="$2" -v rows="$3" -v ours="$lp_config_ours" -v option="$([ "$lp_f_CORE_ID" != option ] || printf 1)" "$LP_CONFIG_AWK"'
        BEGIN {
            while ((getline row < want) > 0) {
                key = row; sub(/\t.*/, "", key)
                if (!(key in flag)) wanted[++wants] = key
                flag[key] = substr(row, length(key) + 2, 1)
                value[key] = substr(row, length(key) + 4)
            }
            while ((getline row < written) > 0) {
                key = row; sub(/=.*/, "", key)
                wrote[key, substr(row, length(key) + 2)]
                old[key] = old[key] row "\n"
            }
        }
        function mine(key) { return ours == 1 ? key in flag : (key, current[key]) in wrote }
        {
            line[NR] = $0
            key = key_of($0)
            if (key == "") next
            last[key] = NR
            current[key] = value_of($0)
        }
        function decide(key,   new) {
            new = value[key]
            if (flag[key] == "=") {
                if (key != "serverUrl") printf "%s", old[key] > rows
                return
            }
            if (!(key in last)) {
                if (new == "") return
                line[++NR] = line_of(key, new)
            } else if (flag[key] == "1" || (flag[key] == "0" && (mine(key) || (key == "vlinkCoreId" && current[key] == "")))) {
                if (key == "vlinkCoreId" && (new != current[key] || option == 1) && "vlinkMachineId" in last) gone[last["vlinkMachineId"]]
                if (new == "" && flag[key] == "0") gone[last[key]]
                else if (new != current[key]) line[last[key]] = line_of(key, new) (line[last[key]] ~ /\r$/ ? "\r" : "")
            } else if (new != current[key]) {
                if (key != "serverUrl") printf "%s", old[key] > rows
                return
            }
            if (new != "" && key != "vlinkCoreId") print key "=" new > rows
        }
        END {
            existing = NR
            for (at = 1; at <= wants; at++) decide(wanted[at])
            # What an earlier version wanted, was not edited, and this one does not want.
            for (key in last) if (!(key in flag) && key != "vlinkCoreId" && ((key, current[key]) in wrote)) gone[last[key]]
            for (at = 1; at <= NR; at++) if (!(at in gone)) print line[at]
        }'
}

# Whether two files without NUL bytes are equal: cmp is not everywhere.
lp_same_text() {
    [ "$(cat "$1" && printf .)" = "$(cat "$2" && printf .)" ]
}

# The settings that this run was given are remembered first; then csclient.cfg follows.
lp_config_write() {
    local hidden file code
    hidden=$LP_D$lp_root/.linkpack file=$(lp_config_file) code=0
    lp_make_dir "${file%/*}" 755 && lp_settings_save && lp_site_save || return 1
    lp_config_copy "$hidden/csclient.old" || code=$?
    lp_config_found=1
    case $code in
        0) ;;
        4) lp_config_found=0 ;;
        *) lp_config_found=0; lp_config_aside || return 1 ;;
    esac
    if [ "$lp_config_found" = 0 ]; then (umask 077; : >"$hidden/csclient.old") || return 1; fi
    if [ "$(tr -cd '\000' <"$hidden/csclient.old" | wc -c)" -gt 0 ]; then
        rm -f "$hidden/csclient.old"
        lp_warn "$file is no text in UTF-8: it is left as it is, and the settings are not in it"
        lp_config_sum=edited
        [ "$lp_config_only" = 0 ]
        return
    fi
    lp_config_make "$hidden" && lp_config_replace "$hidden"
    code=$?
    rm -f "$hidden/csclient.old" "$hidden/csclient.new" "$hidden/csclient.want" "$hidden/written.old" "$hidden/written.new"
    return "$code"
}

# Whether csclient.cfg is as this run would write it. Changes nothing; for an installation, which has a .linkpack.
lp_config_is_current() {
    local folder code
    folder=$LP_D$lp_root/.linkpack/look-$$ code=1
    mkdir -m 700 "$folder" || return 1
    lp_config_found=1
    if lp_config_copy "$folder/csclient.old" && lp_config_make "$folder" && lp_same_text "$folder/csclient.old" "$folder/csclient.new"; then code=0; fi
    rm -rf "$folder"
    return "$code"
}

# The new text and the new list of what was written, in .linkpack.
lp_config_make() {
    local sum
    sum=$(lp_config_digest "$1/csclient.old") lp_config_ours=0 lp_config_written=$1/written.old
    (umask 077; if [ -f "$LP_LIB/written" ]; then cat "$LP_LIB/written"; fi >"$lp_config_written") || return 1
    # A version that kept no such list knew the digest of what it wrote.
    if [ ! -f "$LP_LIB/written" ] && [ "$lp_config_found" = 1 ] && lp_config_is_ours "$sum" "$lp_old_config_sum"; then lp_config_ours=1; fi
    lp_config_url_parts "$1"
    (
        umask 077
        lp_config_pairs lp_config_want >"$1/csclient.want" &&
            lp_config_merge "$1/csclient.want" "$lp_config_written" "$1/written.new" <"$1/csclient.old" >"$1/csclient.new" &&
            { printf '%s' "$lp_config_parts" | sed '/^$/d'; lp_config_core_id_row; } >>"$1/written.new"
    ) || return 1
    # Ours are the values of a first installation; what an upgrade finds edited must stay "edited".
    lp_config_sum=edited
    if [ "$lp_config_found" = 0 ] || lp_config_is_ours "$sum" "$lp_old_config_sum"; then
        lp_config_sum=$(lp_config_digest "$1/csclient.new")
        # Killed between here and the state, the next attempt finds a file that the state does not know.
        [ ! -f "$LP_LIB/journal" ] || printf 'config_sum=%s\n' "$lp_config_sum" >>"$LP_LIB/journal" || return 1
    fi
}

lp_config_core_id_row() {
    if [ -n "$lp_v_CORE_ID" ]; then printf 'core_id_sum=%s\n' "$(lp_config_id_sum)"
    else grep '^core_id_sum=' "$lp_config_written" || :
    fi
}

# Until csclient.cfg has its new text the old and the new values count as ours: a kill between the two makes nothing look edited.
lp_config_replace() {
    sort -u "$1/written.old" "$1/written.new" | lp_write "$LP_LIB/written" 600 || return 1
    if [ "$lp_config_found" = 0 ] || ! lp_same_text "$1/csclient.old" "$1/csclient.new"; then lp_config_put "$1/csclient.new" || return 1; fi
    sort -u "$1/written.new" | lp_write "$LP_LIB/written" 600
}

# For lp_keep_system and lp_restore_system: csclient.cfg and what goes with it.
lp_config_keep() {
    local code
    code=0
    lp_config_copy "$1/csclient.cfg" || code=$?
    [ "$code" != 1 ] || return 1
    lp_keep_file "$LP_LIB/settings" "$1/settings" && lp_keep_file "$LP_LIB/written" "$1/written" && lp_keep_file "$LP_LIB/site" "$1/site"
}

lp_config_restore() {
    local name
    [ ! -f "$1/csclient.cfg" ] || lp_config_put "$1/csclient.cfg" || return 1
    for name in settings written site; do
        if [ -f "$1/$name" ]; then lp_restore_file "$1/$name" "$LP_LIB/$name" 600 || return 1
        else rm -f "$LP_LIB/$name"
        fi
    done
}

# Takes the identity out of csclient.cfg, for good: a CORE_ID that was given once is not written again.
lp_config_forget() {
    local hidden code
    hidden=$LP_D$lp_root/.linkpack code=0
    lp_config_copy "$hidden/csclient.old" || code=$?
    case $code in
        0) ;;
        4) return 0 ;;
        *) lp_config_aside; return ;;
    esac
    (umask 077 && awk "$LP_CONFIG_AWK"' { key = key_of($0) } key != "vlinkCoreId" && key != "vlinkMachineId"' \
        <"$hidden/csclient.old" >"$hidden/csclient.new") && lp_config_put "$hidden/csclient.new" || code=1
    rm -f "$hidden/csclient.old" "$hidden/csclient.new"
    return "$code"
}

# The digest of what an administrator could have edited: not the identity, which the connector writes.
lp_config_digest() {
    [ -f "$1" ] || return 0
    sed -e '/^vlinkCoreId:/d' -e '/^vlinkMachineId:/d' "$1" | lp_config_cksum
}

# Whether a digest is the one of the state, or of what an attempt that was killed wrote.
lp_config_is_ours() {
    [ "$1" = "$2" ] || lp_journal_sums | grep -qxF "config_sum=$1"
}
