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
