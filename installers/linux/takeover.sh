# A .run takes over from the product's DEB or RPM. The package's folders stand aside until the new version is seen to work; only then does
# the package manager forget the package, so that everything before that leads back.

# Whether the installation found here is a package's that this .run may replace.
lp_takeover() {
    [ "$LP_CHANNEL" = run ] && case $lp_old_channel in deb | rpm) return 0 ;; *) return 1 ;; esac
}

# A .run waits for a package manager that has unpacked and not yet configured, or was killed there: both would end with a mixed root.
lp_check_journal() {
    local package
    package=$(lp_journal package) || return 0
    case $(lp_journal channel):$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
        deb:*unpacked | deb:*half-* | deb:*triggers-* | deb:*' installed')
            lp_check other 17 "$LP_LIB/journal" "the installation of the DEB $package has not ended" '' 'let it end, or finish it: dpkg --configure -a' ;;
        rpm:*)
            ! rpm -q "$package" >/dev/null 2>&1 || lp_check other 17 "$LP_LIB/journal" \
                "the installation of the RPM $package has not ended" '' 'let it end, or finish it: install the RPM again' ;;
    esac
}

# lp_takeover_carry STAGE: what was edited or added below the package's folders comes along. In lists a newline is the byte \001.
lp_takeover_carry() {
    lp_takeover_list >"$lp_root/.linkpack/package.list" || return 1
    lp_takeover_added | while IFS= read -r lp_row; do lp_files_copy "$lp_root" "$1" "$lp_row" || exit 1; done || return 1
    lp_takeover_edited | while IFS= read -r lp_row; do lp_files_carry_edited "$lp_root" "$1" "$lp_row" || exit 1; done || return 1
    rm -f "$lp_root/.linkpack/package.list"
}

# lp_takeover_left STAGE: what a package's removal has left below its folders comes along, too: edited and added files.
lp_takeover_left() {
    # shellcheck disable=SC2086 # three names
    (cd "$lp_root" && find $LP_TREES ! -type d -print0 2>/dev/null) | tr '\n\000' '\001\n' |
        while IFS= read -r lp_row; do lp_takeover_left_file "$1" "$lp_row" || exit 1; done
}

lp_takeover_left_file() {
    local name config
    name=$(lp_files_name "$2") config=${2%.rpmsave}
    if [ -n "$(lp_files_digest "$1" "$config")" ]; then
        [ "$(lp_sha256 <"$lp_root/$name")" != "$(lp_files_digest "$1" "$config")" ] || return 0
        config=$(lp_files_name "$config")
        mv "$1/$config" "$1/$config.new" && cp -a "$lp_root/$name" "$1/$config"
    else
        lp_files_copy "$lp_root" "$1" "$2"
    fi
}

lp_takeover_list() {
    case $lp_old_channel in
        deb) dpkg-query -L "$lp_old_package" ;;
        rpm) rpm -ql "$lp_old_package" ;;
    esac
}

lp_takeover_added() {
    # shellcheck disable=SC2086 # three names
    (cd "$lp_root" && find $LP_TREES ! -type d -print0 2>/dev/null) | tr '\n\000' '\001\n' |
        awk -v base="${lp_old_link:-$lp_old_root}/" '
            NR == FNR { if (index($0, base) == 1) known[substr($0, length(base) + 1)]; next }
            !($0 in known) && $0 !~ /[.](rpmnew|rpmsave|dpkg-(new|old|dist|tmp))$/' "$lp_root/.linkpack/package.list" -
}

# PATH of every configuration file that is no longer as packaged.
lp_takeover_edited() {
    local base
    base=${lp_old_link:-$lp_old_root}/
    case $lp_old_channel in
        deb)
            dpkg-query -W -f '${Conffiles}\n' "$lp_old_package" | sed -n 's/^ \(.*\) \([0-9a-f]\{32\}\)\( obsolete\)*$/\2 \1/p' |
                while IFS= read -r lp_row; do
                    [ -f "${lp_row#* }" ] && [ "$(md5sum <"${lp_row#* }" | cut -c 1-32)" != "${lp_row%% *}" ] || continue
                    printf '%s\n' "${lp_row#* }"
                done ;;
        # S.5....T.  c /path: size, digest and time differ.
        rpm) rpm -V --noscripts "$lp_old_package" 2>/dev/null | sed -n 's/^..5......  c //p' ;;
    esac | while IFS= read -r lp_row; do
        case $lp_row in "$base"*) printf '%s\n' "${lp_row#"$base"}" ;; esac
    done
}

# lp_takeover_trees SAVED: the package's folders go into the copy that leads back.
lp_takeover_trees() {
    local name
    for name in $LP_TREES; do
        [ ! -d "$lp_root/$name" ] || [ -L "$lp_root/$name" ] || mv "$lp_root/$name" "$1/$name" || return 1
    done
}

# lp_takeover_back SAVED: the package's folders take the places of our links again.
lp_takeover_back() {
    local name
    for name in $LP_TREES; do
        [ -d "$1/$name" ] && [ ! -L "$1/$name" ] || continue
        rm -f "$lp_root/$name"
        mv "$1/$name" "$lp_root/$name" || return 1
    done
    rm -f "$lp_root/current"
    rm -rf "$lp_root/versions"
}

# After a kill the package has its place again; once it was confirmed, the new version stays.
lp_takeover_repair() {
    local saved
    saved=$lp_root/.linkpack/previous
    if [ -d "$saved" ]; then
        lp_service_stop || :
        lp_takeover_back "$saved" && lp_restore_system "$saved" || return 1
        lp_state_load
        lp_service_bring_up start || lp_warn "version $lp_old_version did not come up"
    elif [ -n "$(lp_versions_current)" ]; then
        lp_takeover_end "$(lp_journal over)" "$(lp_journal replaces)"
    else
        rm -rf "$lp_root/versions"
    fi
    lp_journal_drop
    rm -rf "$saved"
}

# lp_takeover_end CHANNEL PACKAGE: the new version works. rpm forgets without touching a file; dpkg removes what it finds, which is nothing.
lp_takeover_end() {
    local code
    code=0
    case $1 in
        rpm) rpm -e --justdb --noscripts --nodeps "$2" >&2 || code=$? ;;
        deb)
            lp_links_hide "$lp_root" away
            DEBIAN_FRONTEND=noninteractive dpkg --purge "$2" >&2 9>&- </dev/null || code=$?
            lp_links_show "$lp_root" away ;;
        *) return 0 ;;
    esac
    [ "$code" = 0 ] || lp_warn "the package $2 is replaced, but its package manager did not let it go: see the messages above"
}
