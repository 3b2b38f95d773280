#!/bin/sh
# linkctl of {{ title }} {{ version }}
{% include "facts.sh" %}
{{ modules(["base", "settings", "state", "lock", "root", "live", "account", "preflight", "config", "unit", "labels", "service", "keep", "aside", "purge", "leave", "files", "versions", "takeover", "uninstall", "seal", "linkctl"]) }}
{% include "texts.sh" %}
lp_seal_paths() {
    printf '%s\n' {{ seal_paths|map("sh")|join(" ") }}
}

main "$@"; exit
