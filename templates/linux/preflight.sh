#!/bin/sh
{% include "facts.sh" %}
{{ modules(["base", "settings", "state", "lock", "version", "root", "live", "account", "preflight", "unit", "labels", "purge"]) }}
# The packages' own checks on this machine; nothing is changed. --root DIR, --json.
main() {
    local json
    lp_init
    json=0
    while [ $# -gt 0 ]; do
        case $1 in
            --json) json=1 ;;
            --root)
                [ $# -ge 2 ] || { lp_error '--root needs a directory' '' '--root /opt/{{ name.vendor }}'; return 2; }
                shift
                lp_option INSTALL_ROOT "$1" ;;
            *) lp_error "unknown argument: $1" '' 'preflight knows --root DIR and --json'; return 2 ;;
        esac
        shift
    done
    lp_state_load || :
    lp_settings_load || return 2
    lp_root_resolve
    lp_preflight || :
    if [ "$json" = 1 ]; then
        printf '{ "ok": %s, "exit_code": %s, "root": %s,\n  "checks": [ %s ] }\n' \
            "$([ "$lp_check_code" = 0 ] && printf true || printf false)" "$lp_check_code" "$(lp_json "$lp_root")" "$lp_checks"
    elif [ "$lp_check_code" = 0 ]; then
        lp_say "all checks pass for $lp_root"
    fi
    return "$lp_check_code"
}

main "$@"; exit
