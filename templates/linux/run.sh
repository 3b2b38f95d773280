#!/bin/sh
LP_SUM={{ zeros }}
LP_SIG={{ unsigned }}
# {{ title }} {{ version }}: a shell script with its payload behind it. See --help.
# The brace makes a shell read all of this before it runs anything: half a file runs nothing.
{
{% include "entry.sh" %}
{% include "facts.sh" %}
LP_OFFSET={{ offset }}
LP_COVERED={{ covered_from }}
LP_CODEC={{ codec|sh }}
{{ modules(["base", "settings", "state", "lock", "version", "root", "live", "account", "preflight", "result", "config", "unit", "labels", "service", "register", "keep", "aside", "purge", "leave", "files", "payload", "versions", "takeover", "run", "uninstall", "options"]) }}
{% include "texts.sh" %}
lp_usage() {
    printf '%s\n' {{ usage|sh }}
}

main "$@"; exit
}
