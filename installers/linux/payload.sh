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

# Every byte after line 2 is under LP_SUM. There is no way around this.
lp_verify() {
    local sum
    if ! sum=$(printf '' | lp_sha256) || [ "${#sum}" != 64 ]; then
        lp_error 'no tool here computes SHA-256' 'tried sha256sum, openssl, busybox, shasum, perl' 'install one of them (coreutils has sha256sum)'
        return 15
    fi
    sum=$(tail -c +83 "$lp_self" | lp_sha256)
    [ "$sum" != "$LP_SUM" ] || return 0
    lp_error 'this file is damaged: nothing was unpacked' "SHA-256 is ${sum:-not computable}, and should be $LP_SUM" 'copy or download it again'
    return 20
}

lp_decompress() {
    case $LP_CODEC in
        gzip) gzip -dc ;;
        xz) xz -dc ;;
        zstd) zstd -dc ;;
    esac
}

# lp_unpack DIR [TAR OPTION...]: a pipe has one exit status in POSIX sh; here each member reports its own.
lp_unpack() {
    local dir status
    dir=$1
    shift
    status=$(
        {
            { tail -c +$((LP_OFFSET + 1)) "$lp_self"; echo "read $?" >&3; } |
                { lp_decompress; echo "decompress $?" >&3; } |
                { (cd "$dir" && tar -x -f - "$@") >&2; echo "unpack $?" >&3; cat >/dev/null; }
        } 3>&1
    )
    [ "$(printf '%s\n' "$status" | sort | tr '\n' ' ')" = 'decompress 0 read 0 unpack 0 ' ]
}

# The payload's own list, its first member.
lp_payload_files() {
    tail -c +$((LP_OFFSET + 1)) "$lp_self" | lp_decompress 2>/dev/null | { tar -x -O -f - .files; cat >/dev/null; }
}
