#!/bin/sh
LP_SUM={{ zeros }}
LP_SIG={{ unsigned }}
# {{ title }} {{ version }}: a shell script with its payload behind it. See --help.
# A shell without variables of a function's own (ksh93: /bin/sh of Solaris and illumos) hands over to one that has them. Bash has them, and
# is not asked: it alone takes functions from the environment, which nothing has emptied yet.
case ${BASH_VERSION-} in '')
(eval 'lp_try() { local lp_own; lp_own=1; }; lp_own=; lp_try; [ -z "$lp_own" ]') 2>/dev/null || {
    # Once: a file damaged just here would go round for ever.
    case ${LP_SHELL-} in "$$") exit 15 ;; esac
    LP_SHELL=$$
    export LP_SHELL
    for lp_shell in /bin/bash /usr/bin/bash /usr/local/bin/bash /opt/freeware/bin/bash /bin/dash /usr/bin/dash /bin/mksh /usr/bin/mksh /bin/yash /usr/bin/yash; do
        [ ! -x "$lp_shell" ] || [ ! -f "$0" ] || exec "$lp_shell" "$0" "$@"
    done
    /usr/bin/env -i printf '%s\n' 'error: this shell cannot run this file' '  help: run it with bash, dash or mksh: bash FILE.run' >&2
    exit 15
} ;;
esac
# The brace makes a shell read all of this before it runs anything: half a file runs nothing.
{
{% include "entry.sh" %}
{% include "facts.sh" %}
LP_OFFSET={{ offset }}
LP_COVERED={{ covered_from }}
LP_CODEC={{ codec|sh }}
LP_OPTIONS='{{ settings.options }}'
LP_FLAGS='{{ settings.flags }}'
{{ modules(["base", "settings", "state", "lock", "version", "root", "live", "account", "preflight", "libraries", "result", "config", "unit", "labels", "service", "register", "keep", "aside", "purge", "leave", "files", "payload", "site", "versions", "takeover", "run", "uninstall", "options"]) }}
{% include "texts.sh" %}
lp_usage() {
    printf '%s\n' {{ usage|sh }}
}

main "$@"; exit
}
