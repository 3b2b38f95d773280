# What is installed here, as the installer wrote it down; and the journal of an installation under way.

lp_old_product='' lp_old_package='' lp_old_version='' lp_old_channel='' lp_old_root='' lp_old_run_as='' lp_old_image=''
lp_old_link='' lp_old_made='' lp_old_config_sum='' lp_old_names=''
lp_root='' lp_link='' lp_config_sum=''
# 1 where the package's scripts know that another may take over.
lp_old_knows=0

# An empty or cut state is damage, as a power cut leaves it: then the copy below the root speaks, which location.conf names.
# lp_state_cut=1 says so; a script that changes anything writes the state again.
lp_state_cut=0
lp_state_load() {
    local root
    lp_state_cut=0
    ! lp_state_read "$LP_LIB/state" || return 0
    lp_state_clear
    root=$(lp_location) && [ -z "$(lp_state_root_fault "$root")" ] || return 1
    if lp_state_read "$LP_D$root/.linkpack/state" && [ "$lp_old_root" = "$root" ]; then
        lp_state_cut=1
        lp_warn "$LP_LIB/state is missing or cut; its copy in $root/.linkpack is used"
        return 0
    fi
    lp_state_clear
    return 1
}

# 0 where FILE is complete: its last line is end=1, or, before there was one, config_sum.
lp_state_read() {
    local line whole
    whole=1
    [ -f "$1" ] && [ ! -L "$1" ] || return 1
    lp_state_clear
    while IFS= read -r line; do
        case $line in
            product=*) lp_old_product=${line#*=} ;;
            package=*) lp_old_package=${line#*=} lp_old_knows=1 ;;
            version=*) lp_old_version=${line#*=} ;;
            channel=*) lp_old_channel=${line#*=} ;;
            root=*) lp_old_root=${line#*=} ;;
            run_as=*) lp_old_run_as=${line#*=} ;;
            image=*) lp_old_image=${line#*=} ;;
            link=*) lp_old_link=${line#*=} ;;
            made=*) lp_old_made=${line#*=} ;;
            names=*) lp_old_names=${line#*=} ;;
            config_sum=*)
                lp_old_config_sum=${line#*=}
                [ "$lp_old_knows" = 1 ] || whole=0 ;;
            end=1) whole=0 ;;
        esac
    done 2>/dev/null <"$1" || return 1
    # Before packages had a line of their own, the product's was the package's name.
    : "${lp_old_package:=$lp_old_product}"
    return "$whole"
}

lp_state_clear() {
    lp_old_knows=0
    lp_old_product='' lp_old_package='' lp_old_version='' lp_old_channel='' lp_old_root='' lp_old_run_as='' lp_old_image=''
    lp_old_link='' lp_old_made='' lp_old_config_sum='' lp_old_names=''
}

# A root that is not even a path is none; root.sh judges the rest where it is loaded.
lp_state_root_fault() {
    case $1 in
        /*/../* | /*/.. | [!/]* | / | '') printf 'is not a root' ;;
    esac
}

# lp_state_write VERSION: also its copy, and the location file, which other software of the product reads.
lp_state_write() {
    lp_make_dir "$LP_LIB" 755 && lp_make_dir "$LP_ETC" 755 || return 1
    {
        printf 'product=%s\npackage=%s\nversion=%s\nchannel=%s\n' "$LP_PRODUCT" "$LP_PACKAGE" "$1" "$LP_CHANNEL"
        printf 'root=%s\nrun_as=%s\nimage=%s\n' "$lp_root" "$lp_v_RUN_AS" "${lp_v_IMAGE:-0}"
        printf 'link=%s\nmade=%s\nconfig_sum=%s\n' "$lp_link" "$lp_made" "$lp_config_sum"
        [ -z "$LP_NAMES" ] || printf 'names=%s\n' "$LP_NAMES"
        echo end=1
    } | lp_write "$LP_LIB/state" 644 || return 1
    lp_state_copy && printf '%s\n' "$lp_root" | lp_write "$LP_ETC/location.conf" 644
}

lp_state_copy() {
    [ -d "$LP_D$lp_root/.linkpack" ] || return 0
    lp_write "$LP_D$lp_root/.linkpack/state" 600 <"$LP_LIB/state"
}

# lp_state_change KEY VALUE: one line of the state.
lp_state_change() {
    sed "s|^$1=.*|$1=$2|" "$LP_LIB/state" | lp_write "$LP_LIB/state" 644 && lp_state_copy
}

# The root that the state names has to be there: a file system that is not mounted is not an empty place to install into.
lp_state_root_missing() {
    [ -n "$lp_old_root" ] && [ ! -d "$LP_D$lp_old_root/.linkpack" ] && [ ! -d "$LP_D$lp_old_root/$LP_N_CONNECTOR" ]
}

# Whether this machine is still a template: installed with IMAGE=1 or sealed, and not started since.
lp_state_is_image() {
    local file lp_as_limit
    lp_as_limit=10 file=$LP_D$lp_old_root/components/csclient.cfg
    [ "$lp_old_image" = 1 ] || return 1
    # The file is the account's: what is no plain file may be a pipe that never gets a writer.
    lp_as "$lp_old_run_as" test -f "$file" || return 0
    ! lp_as "$lp_old_run_as" grep -q '^vlinkCoreId:.*[A-Za-z0-9]' "$file" 2>/dev/null
}

# What plain removals have kept: a record each, kept.PACKAGE. The one of this product is taken up by its next installation.
lp_kept_root='' lp_kept_made='' lp_kept_account='' lp_kept_package=''
lp_kept_load() {
    local record
    lp_kept_root='' lp_kept_made='' lp_kept_account='' lp_kept_package=''
    for record in "$LP_LIB"/kept.*; do
        [ -f "$record" ] && [ ! -L "$record" ] && [ "$(lp_value "$record" product)" = "$LP_PRODUCT" ] || continue
        [ -z "$lp_kept_root" ] || [ "${record##*/}" = "kept.$LP_PACKAGE" ] || continue
        lp_kept_package=${record##*/kept.}
        lp_kept_root=$(lp_value "$record" root) lp_kept_made=$(lp_value "$record" made) lp_kept_account=$(lp_value "$record" account)
    done
    [ -n "$lp_kept_root" ] || lp_kept_by_copy || return 1
    # The account that owns what was kept goes on, as over an upgrade.
    if id -u "$lp_kept_account" >/dev/null 2>&1; then lp_old_run_as=$lp_kept_account; fi
}

# A removal without its scripts (rpm -e --noscripts) leaves no record: then the state's copy below the packaged root says whose it is.
lp_kept_by_copy() {
    local root copy
    root=${RPM_INSTALL_PREFIX:-$LP_PACKAGED_ROOT}
    copy=$LP_D$root/.linkpack/state
    [ "$LP_CHANNEL" != run ] && [ ! -f "$LP_LIB/journal" ] || return 1
    [ -f "$copy" ] && ! lp_is_foreign "$copy" && ! lp_is_foreign "${copy%/*}" && [ ! -L "$copy" ] || return 1
    [ "$(lp_value "$copy" product)" = "$LP_PRODUCT" ] && [ "$(lp_value "$copy" root)" = "$root" ] || return 1
    lp_kept_package=$(lp_value "$copy" package) lp_kept_root=$root
    lp_kept_made=$(lp_value "$copy" made) lp_kept_account=$(lp_value "$copy" run_as)
}

# lp_kept_packages CHANNEL: those of a channel that have left something in this root.
lp_kept_packages() {
    local record
    for record in "$LP_LIB"/kept.*; do
        [ -f "$record" ] && [ "$(lp_value "$record" root)" = "$lp_root" ] && [ "$(lp_value "$record" channel)" = "$1" ] || continue
        printf '%s\n' "${record##*/kept.}"
    done
}

# Another package's root may not become ours where dpkg or rpm knows it by other names than this package's: then what it has kept moves.
lp_kept_is_here() {
    [ "$LP_CHANNEL" = run ] || [ "$lp_kept_package" = "$LP_PACKAGE" ] || [ "$lp_kept_root" = "${RPM_INSTALL_PREFIX:-$LP_PACKAGED_ROOT}" ]
}

lp_kept_take() {
    local name
    [ -n "$lp_kept_root" ] && [ "$lp_kept_root" != "$lp_root" ] || return 0
    for name in components kept; do
        [ -d "$LP_D$lp_kept_root/$name" ] && [ ! -L "$LP_D$lp_kept_root/$name" ] && [ ! -e "$LP_D$lp_root/$name" ] || continue
        mv "$LP_D$lp_kept_root/$name" "$LP_D$lp_root/$name" || return 1
    done
}

# The records whose root is in use again.
lp_kept_drop() {
    local record
    for record in "$LP_LIB"/kept.*; do
        [ -f "$record" ] && [ "$(lp_value "$record" root)" = "$lp_root" ] || continue
        rm -f "$record"
    done
    rm -f "$LP_LIB/kept" "$LP_LIB/purge-next"
    for record in "$LP_LIB"/kept.*; do [ ! -f "$record" ] || return 0; done
    rm -f "$LP_LIB/purge"
}

# Directories made by earlier runs stay on the list, so that the uninstall removes them.
lp_made_join() {
    local rest dir
    rest=$1${1:+:}
    while [ -n "$rest" ]; do
        dir=${rest%%:*} rest=${rest#*:}
        case ":$lp_made:" in *":$dir:"*) ;; *) lp_made=${lp_made:+$lp_made:}$dir ;; esac
    done
}

# lp_journal_write KEY=VALUE...: replaces the journal. lp_sums are the config_sum lines of the one before.
lp_sums=''
lp_journal_write() {
    lp_make_dir "$LP_LIB" 755 || return 1
    lp_service_seen
    printf '%s\n' "$@" "ran=$lp_service_ran" "made=$lp_made" ${lp_sums:+"$lp_sums"} | lp_write "$LP_LIB/journal" 600 || return 1
    # On the disk before what it announces, which may lie on another file system.
    lp_sync "$LP_LIB"
}

# The digests of all that attempts which were killed wrote as configuration, a line each.
lp_journal_sums() {
    grep '^config_sum=' "$LP_LIB/journal" 2>/dev/null || :
}

lp_journal() {
    lp_value "$LP_LIB/journal" "$1"
}

# Without a journal nothing is under way: what an installation that was killed or cut off had begun to write goes as well.
lp_journal_drop() {
    rm -f "$LP_LIB/journal"
    lp_sweep "$LP_ETC" "$LP_LIB" "$LP_D${lp_root:-$lp_old_root}/.linkpack" "$LP_D/etc/init.d" "$LP_D/etc/logrotate.d" "$(dirname "$(lp_unit_file)")"
}

# Answers, for the checks, with the root that a product without our state wrote down: the vendor's own installer does.
lp_location() {
    local line
    [ -f "$LP_ETC/location.conf" ] || return 1
    IFS='' read -r line <"$LP_ETC/location.conf" || [ -n "$line" ] || return 1
    printf '%s' "$line"
}
