# Whether this version is older than the one that is installed. The order is dpkg's: runs of digits compare as numbers, `~` sorts before
# everything, even the end.

# lp_version_compare A B: prints lt, eq or gt.
lp_version_compare() {
    LP_A=$1 LP_B=$2 awk '
        function rank(c) {
            if (c == "~") return -1
            if (c == "" || c ~ /[0-9]/) return 0
            if (c ~ /[A-Za-z]/) return index(letters, c)
            return 256 + index(others, c)
        }
        function verdict(x, y) { print (x < y) ? "lt" : "gt"; exit }
        BEGIN {
            letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
            others = "+-.:_"
            a = ENVIRON["LP_A"]; b = ENVIRON["LP_B"]
            while (a != "" || b != "") {
                while (a ~ /^[^0-9]/ || b ~ /^[^0-9]/) {
                    x = rank(substr(a, 1, 1)); y = rank(substr(b, 1, 1))
                    if (x != y) verdict(x, y)
                    a = substr(a, 2); b = substr(b, 2)
                }
                m = match(a, /^[0-9]+/) ? RLENGTH : 0; x = substr(a, 1, m); a = substr(a, m + 1)
                m = match(b, /^[0-9]+/) ? RLENGTH : 0; y = substr(b, 1, m); b = substr(b, m + 1)
                sub(/^0+/, "", x); sub(/^0+/, "", y)
                if (length(x) != length(y)) verdict(length(x), length(y))
                # Equally long: compared as text, since awk numbers lose digits after 2^53.
                if (("v" x) != ("v" y)) verdict("v" x, "v" y)
            }
            print "eq"
        }' </dev/null
}

# Not for RPMs: rpm asks for --oldpackage itself before its scriptlets run.
lp_check_downgrade() {
    [ -n "$lp_old_version" ] && [ -n "$LP_VERSION" ] && [ "$lp_v_ALLOW_DOWNGRADE" != 1 ] || return 0
    if [ "$(lp_version_compare "$LP_VERSION" "$lp_old_version")" = lt ]; then
        lp_check other 17 "$lp_old_root" "version $lp_old_version is installed, and $LP_VERSION is older" '' "$(lp_downgrade_remedy)"
    fi
}

lp_downgrade_remedy() {
    case $LP_CHANNEL in
        run) printf 'add --allow-downgrade' ;;
        *) printf 'set ALLOW_DOWNGRADE=1 in the environment of this one run' ;;
    esac
}
