# What every channel does once the files are in place: configuration, service, state.

lp_register() {
    (umask 077 && lp_make_dir "$LP_D$lp_root/.linkpack" 700) && chmod 700 "$LP_D$lp_root/.linkpack" || return 1
    lp_made_join "$lp_old_made"
    lp_made_join "$lp_kept_made"
    lp_make_dir "$LP_LIB" 755 && lp_make_dir "$LP_ETC" 755 || return 1
    lp_kept_take && lp_make_dir "$LP_D$lp_root/components" 755 || return 1
    lp_account_make && lp_account_change "$lp_old_run_as" "$lp_v_RUN_AS" || return 1
    lp_give "$LP_D$lp_root/components" && lp_config_write || return 1
    lp_labels_add
    lp_restore_labels "$LP_D$lp_root"
    lp_service_write && lp_service_enable && lp_state_write "$LP_VERSION" || return 1
    rm -f "$LP_LIB/rolled_back"
    lp_logging=1
}
