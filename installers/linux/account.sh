# The account the connector runs as: root, or one that may become root without a password.

# Prints what is wrong with the account; nothing when it is fine.
lp_account_fault() {
    local said
    [ "$1" != root ] || return 0
    case $1 in
        *[!A-Za-z0-9_.-]* | -* | '') printf 'is not the name of an account'; return ;;
    esac
    if lp_account_is_auto "$1"; then lp_account_auto_fault "$1"; return; fi
    id -u "$1" >/dev/null 2>&1 || { printf 'does not exist'; return; }
    [ "$(id -u "$1")" != 0 ] || return 0
    lp_has sudo || { printf 'would need sudo, which is not installed'; return; }
    # Only root can ask for another one.
    [ "$(id -u)" = 0 ] || return 0
    said=$(lp_account_sudo "$1") || printf 'may not use sudo without a password%s' "${said:+ (${said##*"$lp_newline"})}"
}

# Lets sudo itself answer, as that account and without a terminal, as the connector will ask: which of its rules is the
# last to match, and what it wants besides, only sudo knows. A shell stands for all programs.
lp_account_sudo() {
    local lp_as_limit
    lp_as_limit=20
    lp_as "$1" sudo -k -n -- sh -c : 2>&1 </dev/null
}
lp_newline='
'

# RUN_AS=auto: an account of the product's own, which needs neither root's rights nor sudo. Its name stays what it was.
lp_account_auto() {
    local name
    name=$(lp_value "$LP_LIB/account" name) || name=
    [ -n "$name" ] || name=_$(printf '%s' "$LP_PRODUCT" | tr '[:upper:]' '[:lower:]' | tr -c 'a-z0-9' '-')
    printf '%.31s' "$name"
}

lp_account_is_auto() {
    [ "$1" = "$(lp_account_auto)" ]
}

# After the settings are loaded: from here on the account has a name.
lp_account_resolve() {
    [ "$lp_v_RUN_AS" != auto ] || lp_v_RUN_AS=$(lp_account_auto)
}

lp_account_auto_fault() {
    if id -u "$1" >/dev/null 2>&1; then
        [ "$(id -u "$1")" != 0 ] || printf 'is root by another name'
    elif [ -n "$LP_D" ]; then printf 'cannot be made from outside the image: install within it'
    elif ! lp_has useradd && ! lp_has systemd-sysusers && ! lp_account_has_busybox; then
        printf "cannot be made: useradd, systemd-sysusers and busybox's adduser are missing"
    fi
}

# Debian's adduser takes other options, and needs useradd itself.
lp_account_has_busybox() {
    case $(adduser --help 2>&1) in *[Bb]usy[Bb]ox*) return 0 ;; *) return 1 ;; esac
}

# Makes the account where it is missing, and remembers that for the purge: one that was there is not ours to remove.
lp_account_make() {
    local name shell
    name=$lp_v_RUN_AS
    lp_account_is_auto "$name" || return 0
    if id -u "$name" >/dev/null 2>&1; then
        [ -f "$LP_LIB/account" ] || printf 'name=%s\nmade=0\n' "$name" | lp_write "$LP_LIB/account" 600
        return
    fi
    shell=/bin/false
    for shell in /usr/sbin/nologin /sbin/nologin /bin/false; do [ ! -x "$shell" ] || break; done
    printf 'name=%s\nmade=1\n' "$name" | lp_write "$LP_LIB/account" 600 || return 1
    if lp_has useradd; then
        useradd --system --user-group --no-create-home --home-dir / --shell "$shell" --comment "$LP_PRODUCT" "$name" >&2
    elif lp_has systemd-sysusers; then
        printf 'u %s - "%s" / %s\n' "$name" "$LP_PRODUCT" "$shell" | lp_write "$LP_LIB/account.sysusers" 600 &&
            systemd-sysusers "$LP_LIB/account.sysusers" >&2
        rm -f "$LP_LIB/account.sysusers"
    else
        addgroup -S "$name" >&2
        adduser -S -D -H -h / -s "$shell" -G "$name" -g "$LP_PRODUCT" "$name" >&2
    fi 9>&- </dev/null
    id -u "$name" >/dev/null 2>&1
}

# For a purge, and a first installation that failed: removes the account that we made, and no home directory with it. A purge
# after the removal has none of the other modules: this needs none.
lp_account_remove() {
    local record name
    record=$LP_D$LP_P_LIB/account
    name=$(sed -n 's/^name=//p' "$record" 2>/dev/null)
    if [ -n "$name" ] && grep -qx made=1 "$record" && [ -z "$LP_D" ] && id -u "$name" >/dev/null 2>&1; then
        if command -v userdel >/dev/null 2>&1; then userdel "$name"; else deluser "$name"; fi >&2 </dev/null ||
            printf 'warning: the account %s could not be removed\n' "$name" >&2
        # Some systems keep the group.
        if grep -q "^$name:" /etc/group; then
            if command -v groupdel >/dev/null 2>&1; then groupdel "$name"; else delgroup "$name"; fi >&2 </dev/null || :
        fi
    fi
    rm -f "$record"
}

# lp_account_change OLD NEW: what OLD wrote in components/ becomes NEW's. It is copied, read with the rights of the one
# and written with those of the other: a file that changes its owner in place may have a second name elsewhere.
lp_account_change() {
    [ -n "$1" ] && [ "$1" != "$2" ] && [ -d "$LP_D$lp_root/components" ] || return 0
    lp_service_seen
    lp_service_stop || { lp_warn "$LP_SERVICE could not be stopped for the change of its account"; return 1; }
    # An account that was deleted has left a number.
    id -u "$1" >/dev/null 2>&1 || { lp_ls "$LP_D$lp_root/components" && set -- "$lp_ls_uid" "$2"; }
    lp_account_copy "$@" && return
    lp_error "components/ could not be copied from $1 to $2" "$lp_root" 'see the messages above, correct the cause and try again'
    [ "$lp_service_ran" != 1 ] || lp_service_do start || :
    return 1
}

lp_account_copy() {
    local here hidden
    here=$LP_D$lp_root/components hidden=$LP_D$lp_root/.linkpack
    rm -rf "$hidden/components" "$hidden/components.old" "$hidden/components.tar"
    (umask 077 && cd "$here" && lp_as "$1" tar -cf - . >"$hidden/components.tar") || return 1
    [ "$(id -u "$2")" != 0 ] || lp_account_archive_is_plain "$hidden/components.tar" || return 1
    # .linkpack is closed to all but root: NEW enters by the folder that it is handed.
    mkdir -m 755 "$hidden/components" && lp_give "$hidden/components" &&
        (cd "$hidden/components" && lp_as "$2" tar -xof - <"$hidden/components.tar") &&
        mv "$here" "$hidden/components.old" && mv "$hidden/components" "$here" || return 1
    (cd "$hidden/components.old" && lp_as "$1" find . -mindepth 1 -delete) 2>/dev/null || :
    rm -rf "$hidden/components.old" "$hidden/components.tar"
}

# What root unpacks for itself was written by an account: no links, devices or set-id files.
lp_account_archive_is_plain() {
    ! tar -tvf "$1" | grep -Eq '^([^-d]|.{3}[sS]|.{6}[sS])' && return
    lp_error 'components/ holds links, devices or set-id files, which are not taken over for root' "$lp_root/components" 'remove them and try again'
    return 1
}

# Gives files to the account; never what a link points to.
lp_give() {
    chown -h "$lp_v_RUN_AS:" "$@"
}

# lp_as ACCOUNT|UID COMMAND...: runs a command with that account's rights alone. What lies in a folder of an account is touched by root in this
# way only: with root's rights a link or a renamed folder there would reach anything. It has no terminal and none of our other descriptors,
# since the account may trace its processes. Who is not root runs it with the rights he has. Where lp_as_limit is set, what another account
# runs ends after as many seconds, with the rest of its session: the account can stop its own processes, and one that is left holds our pipe.
# It has one harmless capability more than the account: without all of a process's capabilities the account cannot trace it (capabilities(7)),
# and so neither write into it nor keep its end from us. Not every setpriv, and not every container, can give it.
lp_as_limit=
lp_as() {
    local account uid words word guard
    account=$1
    shift
    if [ "$(id -u)" = 0 ] && [ -n "$account" ] && [ "$account" != root ]; then
        case $account in
            *[!0-9]*) uid=$(id -u "$account" 2>/dev/null) || { lp_warn "the account $account does not exist"; return 1; } ;;
            *) uid=$account ;;
        esac
        guard='--inh-caps=+net_bind_service --ambient-caps=+net_bind_service'
        # shellcheck disable=SC2086 # two options, or none
        [ "$uid" = 0 ] || setpriv --reuid="$uid" --clear-groups $guard true 2>/dev/null || guard=
        # shellcheck disable=SC2086
        if [ "$uid" = 0 ]; then :
        elif [ "$uid" = "$account" ]; then
            set -- setpriv --reuid="$uid" --regid="$uid" --clear-groups $guard -- "$@"
        elif [ -n "$guard" ] || setpriv --reuid="$uid" --clear-groups true 2>/dev/null; then
            set -- setpriv --reuid="$uid" --regid="$(id -g "$account")" --init-groups $guard -- "$@"
        elif lp_has runuser; then
            set -- runuser -u "$account" -- "$@"
        else
            words=
            for word in "$@"; do words="$words $(lp_quote "$word")"; done
            set -- su -s /bin/sh -c "exec$words" "$account"
        fi
        [ "$uid" = 0 ] || [ -z "$lp_as_limit" ] || ! lp_has timeout || set -- timeout -k 5 "$lp_as_limit" "$@"
        [ "$uid" = 0 ] || ! lp_has setsid || set -- setsid "$@"
    fi
    "$@" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
}
