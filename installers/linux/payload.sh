# The payload behind the stub: checked as a whole before anything is written, streamed, never held in a temporary file.

# The file this script was read from. `sh -s < X.run` has none.
lp_find_self() {
    lp_self=$1
    case $lp_self in
        /*) ;;
        *) lp_self=$PWD/$lp_self ;;
    esac
    [ -f "$lp_self" ] || lp_self=$(command -v -- "$1") || return 1
    [ -f "$lp_self" ] && [ "$(sed -n '2{p;q;}' "$lp_self" 2>/dev/null)" = "LP_SUM=$LP_SUM" ]
}

# lp_skip COUNT: takes as many bytes off a file on stdin, for whatever reads on from there.
lp_skip() {
    dd bs="$1" count=1 of=/dev/null 2>/dev/null
}

# Every byte after line 3 is under LP_SUM. There is no way around this.
lp_verify() {
    local sum
    if ! sum=$(printf '' | lp_sha256_long) || [ "${#sum}" != 64 ]; then
        lp_error 'no tool here computes SHA-256' 'tried sha256sum, openssl, busybox, shasum, perl' 'install one of them (coreutils has sha256sum)'
        return 15
    fi
    if ! lp_has dd; then
        lp_error 'needed tools are missing: dd' 'the file cannot be checked without it' 'install coreutils, or a busybox that has it'
        return 15
    fi
    # Nothing covers line 3, so nothing else may stand there.
    if [ "$(sed -n '3{p;q;}' "$lp_self" | sed "s/ #-*\$//")" != "LP_SIG=$LP_SIG" ]; then
        lp_error 'this file is damaged: nothing was unpacked' 'line 3 is not LP_SIG= and a signature' 'copy or download it again'
        return 20
    fi
    case $LP_SIG in
        *[!A-Za-z0-9+/=]*)
            lp_error 'this file is damaged: nothing was unpacked' 'LP_SIG is not base64' 'copy or download it again'
            return 20 ;;
    esac
    sum=$({ lp_skip "$LP_COVERED" && lp_sha256_long; } <"$lp_self")
    [ "$sum" != "$LP_SUM" ] || return 0
    lp_error 'this file is damaged: nothing was unpacked' "SHA-256 is ${sum:-not computable}, and should be $LP_SUM" 'copy or download it again'
    return 20
}

# lp_signature_check FILE: whether LP_SUM, which lp_verify compared with the bytes and lp_unpack compares again, was signed by the key
# whose public half FILE is, in PEM. Whoever doubts this very script runs openssl by hand: docs/trust.md says how.
lp_signature_check() {
    if ! lp_has openssl; then
        lp_error 'the signature cannot be checked: openssl is missing' "--key $1" 'install openssl, or check the file where it is'
        return 15
    fi
    if ! openssl pkey -pubin -in "$1" -noout 2>/dev/null; then
        lp_error 'this is no public key in PEM' "$1" 'of a certificate take the key: openssl x509 -in CERT -noout -pubkey'
        return 2
    fi
    if [ -z "$LP_SIG" ]; then
        lp_error 'this file is not signed: nothing was changed' "$lp_self" 'ask for a signed one'
        return 21
    fi
    # The signature comes through a pipe, so no file of it is ever written.
    printf '%s\n' "$LP_SIG" | openssl base64 -d -A | {
        exec 3<&0
        lp_sum_bytes "$LP_SUM" | openssl pkeyutl -verify -pubin -inkey "$1" -sigfile /dev/fd/3 -pkeyopt digest:sha256 >/dev/null 2>&1
    } && return 0
    lp_error 'the signature is wrong, or made by another key: nothing was changed' "--key $1" 'find out where this file comes from'
    return 21
}

# lp_sum_bytes HEX: the 32 bytes of a SHA-256.
lp_sum_bytes() {
    local left pair
    left=$1
    while [ -n "$left" ]; do
        pair=${left%"${left#??}"} left=${left#??}
        # shellcheck disable=SC2059 # an octal escape is meant
        printf "\\$(printf %03o "0x$pair")"
    done
}

# Why the payload cannot be unpacked here; nothing when it can. xz is tried on a letter behind the filter that programs for
# x86 are packed with: the one of busybox does not know it.
lp_decompress_fault() {
    if ! lp_has "$LP_CODEC"; then
        printf 'needed tools are missing: %s' "$LP_CODEC"
    elif [ "$LP_CODEC" = xz ] && [ "$(printf '\375\067\172\130\132\000\000\001\151\042\336\066\002\001\004\000\041\001\000\000\332\063\255\003\001\000\000\170\000\000\000\000\203\026\334\214\000\001\025\001\251\143\064\140\220\102\231\015\001\000\000\000\000\001\131\132' | xz -dc 2>/dev/null)" != x ]; then
        printf 'the xz that is here, as busybox has one, cannot unpack programs: xz of XZ Utils is needed'
    fi
}

lp_decompress_ready() {
    local fault
    fault=$(lp_decompress_fault)
    [ -n "$fault" ] || return 0
    lp_error "$fault" "the payload is compressed with $LP_CODEC" 'install it with the package manager'
    return 15
}

# xz of XZ Utils takes -T0, and 5.4 and later then decode on every processor; busybox's does not know it.
lp_decompress() {
    case $LP_CODEC in
        gzip) gzip -dc ;;
        xz)
            if xz -T0 --version >/dev/null 2>&1; then xz -dc -T0; else xz -dc; fi ;;
        zstd) zstd -dcq ;;
    esac
}

# tar without a line for each file that an endpoint whose clock is behind takes to be from the future; not every tar can be told.
lp_tar() {
    if tar --warning=no-timestamp --version >/dev/null 2>&1; then tar --warning=no-timestamp "$@"; else tar "$@"; fi
}

# lp_unpack DIR [TAR OPTION...]: a pipe has one exit status in POSIX sh; here each member reports its own. The bytes that
# are unpacked are summed up on their way: whoever can write the file may have changed it since lp_verify. Returns 20 then.
lp_unpack() {
    local dir fifo status sum
    dir=$1 fifo=$1/.lp-sum-$$
    shift
    mkfifo -m 600 "$fifo" || return 1
    # shellcheck disable=SC2094 # a pipe, written and read on purpose
    status=$(
        {
            echo "sum $({ head -c "$LP_OFFSET" "$lp_self" | tail -c "+$((LP_COVERED + 1))"; cat <"$fifo"; } | lp_sha256_long)" >&3 &
            { lp_skip "$LP_OFFSET" <&4; tee "$fifo" <&4; echo "read $?" >&3; } |
                { lp_decompress; echo "decompress $?" >&3; cat >/dev/null; } |
                { (cd "$dir" && lp_tar -x -f - "$@") >&2; echo "unpack $?" >&3; cat >/dev/null; }
        } 3>&1 4<"$lp_self"
    )
    rm -f "$fifo"
    sum=$(printf '%s\n' "$status" | sed -n 's/^sum //p')
    if [ "$sum" != "$LP_SUM" ]; then
        lp_error 'this file was changed while it was read' "SHA-256 of what was unpacked is ${sum:-not computable}, and should be $LP_SUM" \
            'find out who writes to it, copy or download it again'
        return 20
    fi
    [ "$(printf '%s\n' "$status" | sed '/^sum /d' | sort | tr '\n' ' ')" = 'decompress 0 read 0 unpack 0 ' ]
}

# The payload's own list, its first member.
lp_payload_files() {
    { lp_skip "$LP_OFFSET" && lp_decompress 2>/dev/null; } <"$lp_self" | { tar -x -O -f - .files; cat >/dev/null; }
}
