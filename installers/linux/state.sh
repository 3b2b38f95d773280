# What is installed here, as the installer wrote it down; and the journal of an installation under way.

lp_old_product='' lp_old_version='' lp_old_channel='' lp_old_root='' lp_old_run_as='' lp_old_image=''
lp_old_link='' lp_old_made='' lp_old_config_sum=''
lp_root='' lp_link='' lp_config_sum=''

lp_state_load() {
    local line
    [ -f "$LP_LIB/state" ] || return 1
    while IFS= read -r line; do
        case $line in
            product=*) lp_old_product=${line#*=} ;;
            version=*) lp_old_version=${line#*=} ;;
            channel=*) lp_old_channel=${line#*=} ;;
            root=*) lp_old_root=${line#*=} ;;
            run_as=*) lp_old_run_as=${line#*=} ;;
            image=*) lp_old_image=${line#*=} ;;
            link=*) lp_old_link=${line#*=} ;;
            made=*) lp_old_made=${line#*=} ;;
            config_sum=*) lp_old_config_sum=${line#*=} ;;
        esac
    done <"$LP_LIB/state"
}

# lp_state_write VERSION: also the location file, which other software of the product reads.
lp_state_write() {
    lp_make_dir "$LP_LIB" 755 && lp_make_dir "$LP_ETC" 755 || return 1
    {
        printf 'product=%s\nversion=%s\nchannel=%s\n' "$LP_PRODUCT" "$1" "$LP_CHANNEL"
        printf 'root=%s\nrun_as=%s\nimage=%s\n' "$lp_root" "$lp_v_RUN_AS" "${lp_v_IMAGE:-0}"
        printf 'link=%s\nmade=%s\nconfig_sum=%s\n' "$lp_link" "$lp_made" "$lp_config_sum"
    } | lp_write "$LP_LIB/state" 644 || return 1
    printf '%s\n' "$lp_root" | lp_write "$LP_ETC/location.conf" 644
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
    printf '%s\n' "$@" "made=$lp_made" ${lp_sums:+"$lp_sums"} | lp_write "$LP_LIB/journal" 600 || return 1
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

lp_journal_drop() {
    rm -f "$LP_LIB/journal"
}

# Answers, for the checks, with the root that a product without our state wrote down: the vendor's own installer does.
lp_location() {
    local line
    [ -f "$LP_ETC/location.conf" ] || return 1
    IFS='' read -r line <"$LP_ETC/location.conf" || [ -n "$line" ] || return 1
    printf '%s' "$line"
}
