# DEB and RPM replace files in place. The old version is kept as hard links until the new one has come up.

# Keeps the installed version in <root>/.linkpack/previous. A copy that is there already belongs to no journal: it is
# what is left of an installation that succeeded.
lp_keep() {
    local hidden name
    hidden=$LP_D$lp_root/.linkpack
    lp_make_dir "$hidden" 700 && chmod 700 "$hidden" || return 1
    rm -rf "$hidden/previous.new" "$hidden/previous" || return 1
    mkdir -m 700 "$hidden/previous.new" || return 1
    for name in $LP_TREES; do
        [ -d "$LP_D$lp_root/$name" ] || [ -L "$LP_D$lp_root/$name" ] || continue
        lp_keep_tree "$LP_D$lp_root/$name" "$hidden/previous.new/$name" || return 1
    done
    lp_aside_keep "$hidden/previous.new" && lp_keep_system "$hidden/previous.new" && lp_sync "$hidden" || return 1
    mv "$hidden/previous.new" "$hidden/previous"
}

lp_keep_tree() {
    cp -al "$1" "$2" 2>/dev/null && lp_keep_bits "$2" || { rm -rf "$2" && cp -a "$1" "$2"; }
}

# Package managers take the set-uid and set-gid bits from a file before they replace it, under all its names: a copy
# keeps them.
lp_keep_bits() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    find "$1" -type f \( -perm -4000 -o -perm -2000 \) -exec sh -c '
        for file; do
            cp -a "$file" "${file%/*}/.lp-copy" && mv -f "${file%/*}/.lp-copy" "$file" || exit 1
        done' sh {} +
}

# The files beside the trees that a new version changes.
lp_keep_system() {
    lp_keep_file "$LP_LIB/state" "$1/state" && lp_keep_file "$(lp_unit_file)" "$1/unit" &&
        lp_keep_file "$LP_D/etc/init.d/$LP_SERVICE" "$1/init" && lp_config_keep "$1"
}

lp_keep_file() {
    [ ! -f "$1" ] || cp -p "$1" "$2"
}

# A copy counts as long as there is a journal: that goes first, in one step, once a version is seen to work.
lp_kept() {
    [ -f "$LP_LIB/journal" ] && [ -d "$LP_D$lp_root/.linkpack/previous" ]
}

# Puts the kept version back: each tree by a rename, then the files of the init systems and the state. Whoever kills
# this lets the next attempt go through it again: what has been moved is no longer in the copy, and is left alone.
lp_restore() {
    local hidden name
    hidden=$LP_D$lp_root/.linkpack
    for name in $LP_TREES; do
        [ -d "$hidden/previous/$name" ] || [ -L "$hidden/previous/$name" ] || continue
        if [ -d "$LP_D$lp_root/$name" ]; then
            # Behind the links of a .run there is nothing that the package manager replaces.
            [ -L "$hidden/previous/$name" ] || lp_note_orphans "$name"
            rm -rf "$hidden/failed" && mv "$LP_D$lp_root/$name" "$hidden/failed" || return 1
        fi
        mv "$hidden/previous/$name" "$LP_D$lp_root/$name" || return 1
    done
    lp_aside_drop
    lp_restore_system "$hidden/previous"
}

# What is put back and the failed version does not have is unknown to the package manager, which believes in that
# version: it is remembered, as hard links, for lp_removed_orphans.
lp_note_orphans() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    find "$LP_D$lp_root/.linkpack/previous/$1" ! -type d -exec sh -c '
        root=$1 tree=$2
        shift 2
        for file; do
            name=${file#"$root/.linkpack/previous/$tree/"}
            if [ ! -e "$root/$tree/$name" ] && [ ! -L "$root/$tree/$name" ]; then
                orphan=$root/.linkpack/orphans/$tree/$name
                mkdir -p "${orphan%/*}" && ln -f "$file" "$orphan"
            fi
        done' sh "$LP_D$lp_root" "$1" {} + 2>/dev/null || :
}

lp_restore_system() {
    lp_restore_file "$1/unit" "$(lp_unit_file)" 644 && lp_restore_file "$1/init" "$LP_D/etc/init.d/$LP_SERVICE" 755 &&
        lp_restore_file "$1/state" "$LP_LIB/state" 644 && lp_state_copy || return 1
    lp_config_restore "$1" || return 1
    lp_restore_labels "$LP_D$lp_root"
    lp_service_reload
}

lp_restore_file() {
    # What never changed needs no room on a full disk.
    [ ! -f "$1" ] || { [ ! -L "$2" ] && cmp -s "$1" "$2"; } || lp_write "$2" "$3" <"$1"
}

lp_keep_drop() {
    rm -rf "$LP_D$lp_root/.linkpack/previous" "$LP_D$lp_root/.linkpack/previous.new" "$LP_D$lp_root/.linkpack/failed"
}
