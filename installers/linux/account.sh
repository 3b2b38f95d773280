# The account the connector runs as: root, or one that may become root without a password.

# Prints what is wrong with the account; nothing when it is fine.
lp_account_fault() {
    local rules
    [ "$1" != root ] || return 0
    case $1 in
        *[!A-Za-z0-9_.-]* | -* | '') printf 'is not the name of an account'; return ;;
    esac
    id -u "$1" >/dev/null 2>&1 || { printf 'does not exist'; return; }
    [ "$(id -u "$1")" != 0 ] || return 0
    lp_has sudo || { printf 'would need sudo, which is not installed'; return; }
    rules=$(sudo -n -l -U "$1" 2>/dev/null </dev/null) || rules=
    case $rules in
        *NOPASSWD:* | *'!authenticate'*) ;;
        *) printf 'may not use sudo without a password' ;;
    esac
}

# Gives files to the account; never what a link points to.
lp_give() {
    chown -h "$lp_v_RUN_AS:" "$@"
}

# lp_as ACCOUNT COMMAND...: runs a command with that account's rights alone. What lies in a folder of an account is
# touched by root in this way only: with root's rights a link or a renamed folder there would reach anything.
# It has no terminal and none of our other descriptors: a process of the account may be traced by the account.
# Who is not root runs the command with the rights he has. Where lp_as_limit is set, a command of another account ends after as many
# seconds at the latest: the account can stop its own processes.
lp_as_limit=
lp_as() {
    local account uid words word
    account=$1
    shift
    if [ "$(id -u)" = 0 ] && [ -n "$account" ] && [ "$account" != root ]; then
        uid=$(id -u "$account" 2>/dev/null) || { lp_warn "the account $account does not exist"; return 1; }
        if [ "$uid" = 0 ]; then :
        elif setpriv --reuid="$uid" --clear-groups true 2>/dev/null; then
            set -- setpriv --reuid="$uid" --regid="$(id -g "$account")" --init-groups -- "$@"
        elif lp_has runuser; then
            set -- runuser -u "$account" -- "$@"
        else
            words=
            for word in "$@"; do words="$words $(lp_quote "$word")"; done
            set -- su -s /bin/sh -c "exec$words" "$account"
        fi
        [ "$uid" = 0 ] || ! lp_has setsid || set -- setsid "$@"
        [ "$uid" = 0 ] || [ -z "$lp_as_limit" ] || ! lp_has timeout || set -- timeout -k 5 "$lp_as_limit" "$@"
    fi
    "$@" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
}
