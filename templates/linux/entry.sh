# Nothing of the caller's environment goes further but what is named here: the script runs itself anew until env shows nothing else
# (docs/architecture.md, "The environment"). POSIXLY_CORRECT makes bash prefer its own exec, eval and unset to functions that it was
# handed in the environment; a name with a slash is never a function.
POSIXLY_CORRECT=1
# A closed descriptor would be taken by the next file that is opened, and messages would end up in it.
(: 3>&2) || exec 2>/dev/null
# Where descriptor 2 was closed, bash leaves the script there, open for reading.
case $(/usr/bin/env -i PATH={{ path }} ls -l "/proc/$$/fd/2" 2>/dev/null) in lr-*) exec 2>/dev/null ;; esac
(: 3<&0) 2>/dev/null || exec </dev/null
(: 3>&1) 2>/dev/null || exec >/dev/null
lp_newline='
'
for lp_name in {{ kept|join(" ") }}; do
    eval "case \${$lp_name-} in *\"\$lp_newline\"*) unset $lp_name ;; esac"
done
case $(unset PWD; /usr/bin/env | /usr/bin/env -i PATH={{ path }} \
    sed -E '\,^(PATH={{ path }}$|(SHLVL|_|LP_ANEW|{{ kept|join("|") }})=),d') in
    ?*)
        case $0 in */*) lp_self=$0 ;; *) lp_self=./$0 ;; esac
{% if channel == "run" %}
        case $(/usr/bin/env -i PATH={{ path }} sed -n '2{p;q;}' "$lp_self" 2>/dev/null) in
            "LP_SUM=$LP_SUM") ;;
            *)
                /usr/bin/env -i PATH={{ path }} printf '%s\n' 'error: this script needs its own file, with the payload behind it' '  help: run it as: sh FILE.run' >&2
                exit 2 ;;
        esac
{% endif %}
        case ${LP_ANEW-} in
            "$$")
                /usr/bin/env -i PATH={{ path }} printf '%s\n' 'error: the environment cannot be emptied' '  note: /bin/sh adds to it: see env -i /bin/sh -c env' >&2
                exit 15 ;;
        esac
        exec /usr/bin/env -i LP_ANEW="$$" PATH={{ path }} {{ passed }} \
            /bin/sh "$lp_self" "$@" ;;
esac
unset LP_ANEW
PATH={{ path }}
export PATH
