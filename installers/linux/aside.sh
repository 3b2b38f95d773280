# Package managers keep a folder where the new version has a link or a file, and write through a link where it has a folder. What is of
# the other kind therefore gives way before they unpack, to <root>/.linkpack/aside. In lists of names a newline is the byte \001.

# Paths below the root that the installed package brought, configuration files apart.
lp_aside_owned() {
    local base
    base=${lp_old_link:-$lp_old_root}
    case $lp_old_channel in
        deb)
            { dpkg-query -W -f '${Conffiles}\n' "$lp_old_package" | sed -n 's/^ \(.*\) [0-9a-f]*\( obsolete\)*$/-\1/p'; dpkg-query -L "$lp_old_package"; } 2>/dev/null ;;
        rpm)
            { rpm -qc "$lp_old_package" | sed 's/^/-/'; rpm -ql "$lp_old_package"; } 2>/dev/null ;;
    esac | awk -v base="$base/" '
        /^-/ { config[substr($0, 2)]; next }
        !($0 in config) && index($0, base) == 1 { print substr($0, length(base) + 1) }'
}

# Folders of the old package that are none in the new one, and what is no folder where the new one has one; the outermost of them.
lp_aside_list() {
    local tree
    # shellcheck disable=SC2086 # three names
    printf '%s\n' $LP_TREES "${LP_FOLDERS:-}" | sed 's/^/= /'
    [ "$LP_CHANNEL" = rpm ] || sed 's/^/o /' "$1"
    for tree in $LP_TREES; do
        [ -e "$tree" ] || [ -L "$tree" ] || continue
        { find "$tree" -type d -print0 | tr '\n\000' '\001\n' | sed 's/^/d /'; find "$tree" ! -type d -print0 | tr '\n\000' '\001\n' | sed 's/^/f /'; }
    done
}

lp_aside() {
    local hidden
    hidden=$LP_D$lp_root/.linkpack
    [ -n "$lp_old_version" ] || return 0
    if [ -e "$hidden/aside.moved" ]; then
        # Here already: after a kill, or by %pretrans, since rpm looks at folders and links before %pre.
        [ "$LP_CHANNEL" = rpm ] || return 0
    else
        rm -rf "$hidden/aside" && lp_make_dir "$hidden" 700 && : >"$hidden/aside.moved" || return 1
    fi
    lp_aside_owned >"$hidden/aside.owned" || return 1
    (cd "$LP_D$lp_root" && lp_aside_list "$hidden/aside.owned") | awk '
        { kind = substr($0, 1, 1); name = substr($0, 3) }
        kind == "=" { folder[name]; next }
        kind == "o" { owned[name]; next }
        kind == "d" && name ~ /^bin(\/|$)/ { next }
        kind == "d" ? !(name in folder) && (name in owned) : (name in folder) {
            for (up = name; sub(/\/[^\/]*$/, "", up);) if (up in gone) next
            gone[name]
            print name
        }' >"$hidden/aside.now" || return 1
    cat "$hidden/aside.now" >>"$hidden/aside.moved" || return 1
    while IFS= read -r lp_row; do
        lp_row=$(lp_files_name "$lp_row")
        case $lp_row in */*) mkdir -p "$hidden/aside/${lp_row%/*}" || return 1 ;; *) mkdir -p "$hidden/aside" || return 1 ;; esac
        mv "$LP_D$lp_root/$lp_row" "$hidden/aside/$lp_row" || return 1
    done <"$hidden/aside.now"
    rm -f "$hidden/aside.now"
}

# lp_aside_keep COPY: the copy that leads back has in their places what has given way before it was made.
lp_aside_keep() {
    local hidden
    hidden=$LP_D$lp_root/.linkpack
    [ -f "$hidden/aside.moved" ] || return 0
    while IFS= read -r lp_row; do
        lp_row=$(lp_files_name "$lp_row")
        [ -e "$hidden/aside/$lp_row" ] || [ -L "$hidden/aside/$lp_row" ] || continue
        rm -f "$1/$lp_row"
        mkdir -p "$1/${lp_row%/*}" && lp_keep_tree "$hidden/aside/$lp_row" "$1/$lp_row" || return 1
    done <"$hidden/aside.moved"
}

# rpm erases the old version's files after it has unpacked the new ones, and by their paths: through a link that is new it would take
# new ones (through a file nothing, and an edited file stays for lp_aside_end). Until then (%post to %posttrans) the old folder has its place back.
lp_aside_swap() {
    local hidden place
    hidden=$LP_D$lp_root/.linkpack
    [ "$LP_CHANNEL" = rpm ] && [ -f "$hidden/aside.moved" ] || return 0
    while IFS= read -r lp_row; do
        lp_row=$(lp_files_name "$lp_row") place=$LP_D$lp_root/$lp_row
        [ -d "$hidden/aside/$lp_row" ] && [ ! -L "$hidden/aside/$lp_row" ] || continue
        [ -L "$place" ] && [ "$(readlink "$place")" != "$hidden/aside/$lp_row" ] || continue
        mkdir -p "$hidden/aside.new/${lp_row%/*}" && mv "$place" "$hidden/aside.new/$lp_row" && mv "$hidden/aside/$lp_row" "$place" || return 1
    done <"$hidden/aside.moved"
}

lp_aside_settle() {
    local hidden place
    hidden=$LP_D$lp_root/.linkpack
    [ -d "$hidden/aside.new" ] || return 0
    while IFS= read -r lp_row; do
        lp_row=$(lp_files_name "$lp_row") place=$LP_D$lp_root/$lp_row
        [ -e "$hidden/aside.new/$lp_row" ] || [ -L "$hidden/aside.new/$lp_row" ] || continue
        [ ! -e "$place" ] || mv "$place" "$hidden/aside/$lp_row" || return 1
        mv "$hidden/aside.new/$lp_row" "$place" || return 1
    done <"$hidden/aside.moved"
    rm -rf "$hidden/aside.new"
}

# The new version is there: what the package had not brought, or an administrator may have edited, gets its place back, or one in kept/.
lp_aside_end() {
    local hidden
    hidden=$LP_D$lp_root/.linkpack
    if [ -d "$hidden/aside" ]; then
        (cd "$hidden/aside" && find . ! -type d -print0) | tr '\n\000' '\001\n' | sed 's|^\./||' |
            awk -v owned="$hidden/aside.owned" 'BEGIN { while ((getline line < owned) > 0) is[line] } !($0 in is)' |
            while IFS= read -r lp_row; do lp_aside_return "$(lp_files_name "$lp_row")"; done
    fi
    lp_aside_drop
}

lp_aside_return() {
    local target
    # A link in front of the versions of a .run, which the .run makes.
    case " $LP_TREES " in *" $1 "*) return 0 ;; esac
    target=$LP_D$lp_root/$1
    if [ -e "$target" ] || [ -L "$target" ] || ! mkdir -p "${target%/*}" 2>/dev/null; then
        target=$LP_D$lp_root/kept/$1
        [ ! -e "$target" ] && mkdir -p "${target%/*}" || return 0
    fi
    mv "$LP_D$lp_root/.linkpack/aside/$1" "$target" || lp_warn "could not keep $1"
}

lp_aside_drop() {
    local name
    for name in aside aside.new aside.now aside.moved aside.owned; do
        rm -rf "$LP_D$lp_root/.linkpack/$name"
    done
}
