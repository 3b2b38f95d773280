# Values from debconf. An empty answer means "as built in". Where debconf is missing (a first unpack in a bare
# system), there is nothing to read.

lp_debconf=0

lp_settings_debconf() {
    local key
    [ "$lp_debconf" = 1 ] || return 0
    for key in $LP_SETTINGS; do
        RET=
        db_get "$LP_PACKAGE/$(printf '%s' "$key" | tr '[:upper:]' '[:lower:]')" || RET=
        case $RET in
            '') continue ;;
            true) RET=1 ;;
            false) continue ;;
        esac
        lp_set "$key" "$RET" debconf
    done
}
