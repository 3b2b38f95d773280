# A package manager gave up before the new files were in place, and has put back what it had replaced. Needs purge.sh alone, since a
# DEB's postrm does this without any file of the package.

# lp_package_abort [ROOT LINK MADE]: what to take back, where no journal says it yet.
lp_package_abort() {
    local lib root link made
    lib=$LP_D$LP_P_LIB root=${1:-} link=${2:-} made=${3:-}
    if [ -f "$lib/journal" ]; then
        # After an installation that was killed, what is in place is not yet a version known to work.
        [ "$(lp_purge_value "$lib/journal" carried)" != 1 ] && [ "$(lp_purge_value "$lib/journal" channel)" != run ] || return 0
        root=$(lp_purge_value "$lib/journal" root) link=$(lp_purge_value "$lib/journal" link) made=$(lp_purge_value "$lib/journal" made)
    fi
    [ -n "$root" ] || return 0
    lp_aside_back "$LP_D$root"
    rm -f "$lib/journal"
    rm -rf "$LP_D$root/.linkpack/previous" "$LP_D$root/.linkpack/previous.new" "$LP_D$root/.linkpack/failed"
    [ ! -s "$lib/state" ] || return 0
    rmdir "$LP_D$root/.linkpack" 2>/dev/null || :
    lp_purge_link "$link" "$root"
    lp_purge_made "$made"
}

# What gave way to the new version's files is put back where it was.
lp_aside_back() {
    local name place
    [ -f "$1/.linkpack/aside.moved" ] || return 0
    while IFS= read -r name; do
        name=$(lp_files_name "$name") place=$1/$name
        [ -e "$1/.linkpack/aside/$name" ] || [ -L "$1/.linkpack/aside/$name" ] || continue
        if [ -d "$place" ] && [ ! -L "$place" ]; then find "$place" -depth -type d -exec rmdir {} \; 2>/dev/null; else rm -f "$place"; fi
        if [ -e "$place" ]; then printf 'warning: %s is in the way of what was there before: see %s\n' "$place" "$1/.linkpack/aside" >&2
        else mkdir -p "${place%/*}" && mv "$1/.linkpack/aside/$name" "$place"
        fi
    done <"$1/.linkpack/aside.moved"
    find "$1/.linkpack/aside" -depth -type d -exec rmdir {} \; 2>/dev/null
    rm -f "$1/.linkpack/aside.moved" "$1/.linkpack/aside.owned" "$1/.linkpack/aside.now"
}
