#!/bin/sh
# linkctl of {{ title }} {{ version }}
{% include "entry.sh" %}
lp_lib=$(readlink -f "$0")
lp_lib=${lp_lib%/*}/lib
{{ load(["base", "settings", "debconf", "state", "lock", "root", "live", "account", "preflight", "config", "unit", "labels", "service", "keep", "aside", "purge", "leave", "files", "versions", "takeover", "uninstall", "seal", "status", "logs", "set", "apply", "monitor", "core", "linkctl"]) }}
{% if core_check %}
lp_core_try() {
    lp_core_run {{ core_check }} "$@"
}
{% endif %}
main "$@"; exit
