# .files lists what a version consists of: TYPE MODE SIZE SHA256 config|- PATH, tab-separated, PATH with \0ooo for
# backslashes and control bytes. In streams of paths here a newline inside a name is the byte \001.

# SHA-256 of stdin in hex, by whatever tool is there.
lp_sha256() {
    if lp_has sha256sum; then sha256sum
    elif lp_has openssl; then openssl dgst -sha256 -r
    elif lp_has busybox && busybox sha256sum </dev/null >/dev/null 2>&1; then busybox sha256sum
    elif lp_has shasum; then shasum -a 256
    elif lp_has perl; then perl -MDigest::SHA -e 'print Digest::SHA->new(256)->addfile(*STDIN)->hexdigest, "\n"'
    else return 1
    fi | { read -r lp_sum lp_rest && printf '%s' "$lp_sum"; }
}

# The same for a long stream: openssl has the processor's own instructions for it, and takes longer to start.
lp_sha256_long() {
    if lp_has openssl; then openssl dgst -sha256 -r | { read -r lp_sum lp_rest && printf '%s' "$lp_sum"; }
    else lp_sha256
    fi
}

LP_AWK_DECODE='
    function decode(s,   out, code) {
        out = ""
        while (match(s, /\\0[0-3][0-7][0-7]/)) {
            code = substr(s, RSTART + 2, 1) * 64 + substr(s, RSTART + 3, 1) * 8 + substr(s, RSTART + 4, 1)
            out = out substr(s, 1, RSTART - 1) (code == 10 ? "\001" : sprintf("%c", code))
            s = substr(s, RSTART + RLENGTH)
        }
        return out s
    }'

lp_files_found() {
    (cd "$1" && find . -mindepth 1 ! -path ./.files -print0) | tr '\n\000' '\001\n' | sed 's|^\./||'
}

# Rows "- PATH" for what is listed and missing, "+ PATH" for what is there and not listed.
lp_files_differences() {
    lp_files_found "$1" | awk -v files="$1/.files" "$LP_AWK_DECODE"'
        BEGIN { while ((getline line < files) > 0) { split(line, f, "\t"); want[decode(f[6])] = 1 } }
        { if ($0 in want) delete want[$0]; else print "+ " $0 }
        END { for (p in want) print "- " p }'
}

# Rows "! PATH" for what is listed, is there, and has another type, mode or content; configuration files may.
lp_files_altered() {
    (cd "$1" && find . -mindepth 1 ! -path ./.files -exec stat -c '%f %n' {} +) | awk -v files="$1/.files" "$LP_AWK_DECODE"'
        function bits(hex,   i, n) {
            for (i = 1; i <= length(hex); i++) n = n * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
            return n
        }
        function octal(text,   i, n) {
            for (i = 1; i <= length(text); i++) n = n * 8 + substr(text, i, 1)
            return n
        }
        BEGIN {
            kind["d"] = 16384; kind["f"] = 32768; kind["l"] = 40960
            while ((getline line < files) > 0) {
                split(line, f, "\t")
                if (f[5] != "config") want["./" decode(f[6])] = kind[f[1]] + (f[1] == "l" ? 511 : octal(f[2]))
            }
        }
        { at = index($0, " "); name = substr($0, at + 1) }
        name in want && want[name] != bits(substr($0, 1, at - 1)) { print "! " substr(name, 3) }'
    awk -F '\t' "$LP_AWK_DECODE"' $1 == "f" && $5 != "config" { print $4 "  " decode($6) }' "$1/.files" | lp_files_sums "$1"
}

# lp_files_sums DIR: of rows "SHA256  PATH" on stdin those, as "! PATH", whose file is there and has another content.
lp_files_sums() {
    if lp_has sha256sum; then
        # Names with a line feed or a backslash are written by sha256sum in another way.
        grep -v '[\\'"$lp_soh"']' | (cd "$1" && sha256sum -c 2>/dev/null) | sed -n 's/^\(.*\): FAILED$/! \1/p'
        return
    fi
    while IFS= read -r lp_row; do
        lp_name=$1/$(lp_files_name "${lp_row#*  }")
        [ ! -f "$lp_name" ] || [ "$(lp_sha256 <"$lp_name")" = "${lp_row%% *}" ] || printf '! %s\n' "${lp_row#*  }"
    done
}

# What is missing or altered of a version, a row each.
lp_files_damage() {
    lp_files_differences "$1" | grep '^- '
    lp_files_altered "$1" | sort -u
}

# Rows "SHA256 PATH" of the listed configuration files.
lp_files_config() {
    [ -f "$1/.files" ] || return 0
    awk -F '\t' "$LP_AWK_DECODE"' $5 == "config" { print $4 " " decode($6) }' "$1/.files"
}

# The packaged digest of one configuration file, or nothing.
lp_files_digest() {
    lp_files_config "$1" | while IFS= read -r lp_row; do
        [ "${lp_row#* }" != "$2" ] || printf '%s' "${lp_row%% *}"
    done
}

# lp_files_edited DIR: paths of configuration files that no longer are what the package brought.
lp_files_edited() {
    lp_files_config "$1" | while IFS= read -r lp_row; do
        lp_name=$(lp_files_name "${lp_row#* }")
        [ -f "$1/$lp_name" ] && [ "$(lp_sha256 <"$1/$lp_name")" != "${lp_row%% *}" ] || continue
        printf '%s\n' "${lp_row#* }"
    done
}

# What an administrator added: not listed, and not a ".new" that an earlier upgrade put beside an edited file.
lp_files_added() {
    lp_files_differences "$1" | sed -n 's/^+ //p' | while IFS= read -r lp_row; do
        case $lp_row in *.new) [ -z "$(lp_files_digest "$1" "${lp_row%.new}")" ] || continue ;; esac
        printf '%s\n' "$lp_row"
    done
}

# Whether a version itself has something of another kind in the place of a file or folder: a folder in that of a file, a file in that of a
# folder or of one above it. lp_files_is_displaced FROM TO NAME
lp_files_is_displaced() {
    local up
    if [ -d "$2/$3" ] && [ ! -L "$2/$3" ]; then
        if { [ ! -d "$1/$3" ] || [ -L "$1/$3" ]; } && lp_files_has "$2" "$3"; then return 0; fi
    fi
    up=$3
    while :; do
        case $up in */*) up=${up%/*} ;; *) return 1 ;; esac
        ! { [ -f "$2/$up" ] && lp_files_has "$2" "$up"; } || return 0
    done
}

# Whether a version lists a name.
lp_files_has() {
    [ -f "$1/.files" ] || return 1
    LP_WANTED=$(printf '%s' "$2" | tr '\n' '\001') awk -F '\t' "$LP_AWK_DECODE"' decode($6) == ENVIRON["LP_WANTED"] { found = 1 } END { exit !found }' "$1/.files"
}

# lp_files_copy FROM TO PATH: with its attributes, over nothing; what is displaced goes into kept/. Whoever owns a folder on the way may put a
# link in its place at any moment: it is entered first, and passed over unless that led to where it should be.
lp_files_copy() {
    local name dir from
    name=$(lp_files_name "$3" && printf .) name=${name%.} dir=
    if lp_files_is_displaced "$1" "$2" "$name"; then set -- "$1" "$LP_D$lp_root/kept" "$3"; fi
    [ ! -e "$2/$name" ] && [ ! -L "$2/$name" ] || return 0
    case $name in */*) dir=/${name%/*} ;; esac
    from=$(cd -P "$1" && pwd -P) || return 1
    lp_files_enter "$2" "$dir" || return
    [ -n "$lp_entered" ] || return 0
    (
        cd -P "$from$dir" 2>/dev/null && [ "$(pwd -P && printf .)" = "$from$dir
." ] || exit 0
        cp -a "./${name##*/}" "$lp_entered/" && exit 0
        # A program removes its files whenever it likes.
        [ ! -e "./${name##*/}" ] && [ ! -L "./${name##*/}" ]
    )
}

# lp_files_enter TOP DIR: makes what is missing of TOP/DIR and leaves its real path in lp_entered; nothing where a link leads out
# of TOP. Nobody else can change what lies in TOP.
lp_files_enter() {
    local top rest part
    mkdir -p "$1" && top=$(cd -P "$1" && pwd -P) || return 1
    lp_entered=$top rest=${2#/}
    while [ -n "$rest" ]; do
        part=${rest%%/*}
        case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
        if [ ! -d "$lp_entered/$part" ]; then
            if [ -e "$lp_entered/$part" ] || [ -L "$lp_entered/$part" ]; then lp_entered=; break; fi
            mkdir "$lp_entered/$part" || return 1
        fi
        lp_entered=$(cd -P "$lp_entered/$part" && pwd -P && printf .) || return 1
        lp_entered=${lp_entered%??}
        case $lp_entered/ in "$top"/*) ;; *) lp_entered=; break ;; esac
    done
    [ -n "$lp_entered" ] || lp_warn "$1$2 is behind a link or a file: what was below it is not taken along"
}

# lp_files_carry OLD NEW: an upgrade takes along what the administrator made or edited.
lp_files_carry() {
    lp_files_added "$1" | while IFS= read -r lp_row; do
        lp_files_copy "$1" "$2" "$lp_row" || exit 1
    done || return 1
    lp_files_edited "$1" | while IFS= read -r lp_row; do
        lp_files_carry_edited "$1" "$2" "$lp_row" || exit 1
    done
}

# lp_files_carry_again OLD NEW MARKER: once the old version has stopped, takes along what has changed since MARKER was made,
# which was before lp_files_carry.
lp_files_carry_again() {
    lp_files_since=$3
    lp_files_added "$1" | while IFS= read -r lp_row; do
        lp_files_replace "$1" "$2" "$lp_row" || exit 1
    done || return 1
    lp_files_since=
    lp_files_edited "$1" | while IFS= read -r lp_row; do
        lp_name=$(lp_files_name "$lp_row")
        ! cmp -s "$1/$lp_name" "$2/$lp_name" 2>/dev/null || continue
        if [ -n "$(lp_files_digest "$2" "$lp_row")" ] && [ "$(lp_sha256 <"$2/$lp_name")" = "$(lp_files_digest "$2" "$lp_row")" ]; then
            lp_files_carry_edited "$1" "$2" "$lp_row" || exit 1
        else
            lp_files_replace "$1" "$2" "$lp_row" || exit 1
        fi
    done || return 1
    lp_files_added "$2" | while IFS= read -r lp_row; do
        lp_gone=$(lp_files_name "$lp_row" && printf .) lp_gone=${lp_gone%.}
        [ -e "$1/$lp_gone" ] || [ -L "$1/$lp_gone" ] || lp_files_remove "$2" "$lp_gone" || exit 1
    done
}

# A folder that is in both has rows of its own for what changed in it.
lp_files_replace() {
    local name
    name=$(lp_files_name "$3" && printf .) name=${name%.}
    if [ -d "$1/$name" ] && [ ! -L "$1/$name" ] && [ -d "$2/$name" ] && [ ! -L "$2/$name" ]; then return 0; fi
    if lp_files_is_displaced "$1" "$2" "$name"; then set -- "$1" "$LP_D$lp_root/kept" "$3"; fi
    lp_files_remove "$2" "$name" && lp_files_copy "$1" "$2" "$3"
}

lp_files_remove() {
    local dir
    dir=
    case $2 in */*) dir=/${2%/*} ;; esac
    lp_files_enter "$1" "$dir" || return 1
    [ -z "$lp_entered" ] || rm -rf "${lp_entered:?}/${2##*/}"
}

# The new default lies beside the edited file as NAME.new, unless it is the default that was edited.
lp_files_carry_edited() {
    local name
    name=$(lp_files_name "$3")
    if [ -f "$2/$name" ]; then
        if [ "$(lp_files_digest "$1" "$3")" = "$(lp_files_digest "$2" "$3")" ]; then rm -f "$2/$name"
        else mv "$2/$name" "$2/$name.new" || return 1
        fi
    fi
    lp_files_copy "$1" "$2" "$3"
}
