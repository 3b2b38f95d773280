# The command line of a .run.

lp_verb=install lp_purge=0 lp_checks_only=0 lp_if_needed=0 lp_extract_dir='' lp_key='' lp_result_file='' lp_result_to=lp_result_tell lp_site_chosen=

lp_usage_error() {
    lp_error "$1" 'the command line' 'see --help'
    lp_result_print refused 2 "$1"
    return 2
}

# Sets lp_verb and the options; 2 for what is unknown. Whatever follows "=", or stands alone, may be a secret: it is not shown.
lp_parse() {
    lp_parse_asked "$@" || return
    while [ $# -gt 0 ]; do
        case $1 in
            --help | -h) lp_verb=help ;;
            --info) lp_verb=info ;;
            --list) lp_verb=list ;;
            --check | --verify) lp_verb=check ;;
            --preflight) lp_checks_only=1 ;;
            --if-needed) lp_if_needed=1 ;;
            --uninstall) lp_verb=uninstall ;;
            --purge) lp_purge=1 ;;
            --json) lp_json_stdout=1 ;;
            --quiet | -q) lp_quiet=1 ;;
            --) shift; [ $# = 0 ] || { lp_usage_error 'nothing may follow --'; return 2; }; break ;;
            --[a-z]*)
                if lp_is_one_of "$1" "$LP_FLAGS"; then lp_option "$(lp_option_name "$1")" 1
                elif ! lp_is_one_of "${1%%=*}" "--extract --key --site --result $LP_OPTIONS"; then
                    lp_usage_error "this option is not understood: $(lp_shown_option "$1")"
                    return 2
                else
                    case $1 in
                        *=*) lp_parse_value "${1%%=*}" "${1#*=}" || return 2 ;;
                        *)
                            [ $# -ge 2 ] || { lp_usage_error "$1 needs a value"; return 2; }
                            lp_parse_value "$1" "$2" || return 2
                            shift ;;
                    esac
                fi ;;
            -*) lp_usage_error "this option is not understood: $(lp_shown_option "$1")"; return 2 ;;
            *=*) lp_option "${1%%=*}" "${1#*=}" || { lp_usage_error "an argument is no setting$(lp_shown_key "${1%%=*}")"; return 2; } ;;
            *) lp_usage_error 'an argument is neither an option nor KEY=VALUE'; return 2 ;;
        esac
        shift
    done
    [ "$lp_quiet" = 0 ] || { exec 8>/dev/null; lp_told=8; }
    if [ "$lp_purge" = 1 ] && [ "$lp_verb" != uninstall ]; then lp_usage_error '--purge belongs to --uninstall'; return; fi
    case $lp_verb,$lp_result_file in
        install,* | uninstall,* | *,) ;;
        *) lp_usage_error '--result belongs to an installation, to --preflight and to --uninstall' ;;
    esac
}

# How the result is to be told is known first: a wrong command line is told so, too.
lp_parse_asked() {
    local word before
    before=
    for word in "$@"; do
        case $before,$word in
            *,--json) lp_json_stdout=1 ;;
            --result,*) lp_result_begin "$word" || return ;;
            *,--result=*) lp_result_begin "${word#*=}" || return ;;
        esac
        before=$word
    done
}

# The file of --result is new, and in a folder that root alone can write to, as are those above it: root writes it.
lp_result_begin() {
    local fault folder
    fault='' folder=${1%/*}
    case $1 in
        /*/ | /) fault='is no name of a file' ;;
        /*) ;;
        *) fault='has to be an absolute path' ;;
    esac
    if [ -n "$fault" ]; then :
    elif [ "$(id -u)" != 0 ]; then fault='can be written by root only'
    elif [ ! -d "${folder:-/}" ]; then fault='is in a folder that is not there'
    elif [ -e "$1" ] || [ -L "$1" ]; then fault='is there already'
    elif [ -n "$(lp_result_foreign "$folder")" ]; then fault="is in a folder that others than root can write to: $(lp_result_foreign "$folder")"
    fi
    if [ -n "$fault" ]; then
        lp_result_file=
        lp_usage_error "the file of --result $fault"
        return 2
    fi
    lp_result_file=$1
}

# The folder itself or one above it in which others could put something in the place of what is there; a link counts by itself and
# by where it leads. Above the folder, one such as /tmp, where the sticky bit keeps root's folders root's, is no danger.
lp_result_foreign() {
    local folder own
    for folder in "$1" "$(cd -P -- "${1:-/}" 2>/dev/null && pwd -P)"; do
        own=1
        while :; do
            if lp_is_foreign "${folder:-/}"; then
                case $own$lp_ls_uid$lp_ls_mode in
                    00d????????[tT]*) ;;
                    *) printf '%s' "${folder:-/}"; return ;;
                esac
            fi
            [ -n "$folder" ] || break
            folder=${folder%/*} own=0
        done
    done
}

# stdin is the result.
lp_result_tell() {
    local document
    document=$(cat)
    [ "$lp_json_stdout" = 0 ] || printf '%s\n' "$document"
    [ -z "$lp_result_file" ] || printf '%s\n' "$document" | lp_result_keep
}

# stdin becomes the file of --result, and is whole when it has its name: a reader waits for that.
lp_result_keep() {
    local temporary
    temporary=${lp_result_file%/*}/.lp-$$-$(lp_random)
    # Where names cannot be given twice (vfat) it is written in place.
    (set -C; umask 077; cat >"$temporary") && lp_sync_file "$temporary" &&
        { ln "$temporary" "$lp_result_file" 2>/dev/null || (set -C; umask 077; cat "$temporary" >"$lp_result_file"); } ||
        lp_warn "$lp_result_file could not be written"
    rm -f "$temporary"
}

lp_shown_option() {
    case ${1%%=*} in
        *[!a-z-]*) printf 'one with other characters than a-z' ;;
        *) printf '%s' "${1%%=*}" ;;
    esac
}

lp_parse_value() {
    case $1 in
        --extract) lp_verb=extract lp_extract_dir=$2 ;;
        --result) [ "$2" = "$lp_result_file" ] || lp_usage_error '--result stands twice' ;;
        # An installation leaves the folder it was called in.
        --key) case $2 in /*) lp_key=$2 ;; *) lp_key=$PWD/$2 ;; esac ;;
        --site) case $2 in /* | none) lp_site_chosen=$2 ;; *) lp_site_chosen=$PWD/$2 ;; esac ;;
        *) lp_option "$(lp_option_name "$1")" "$2" ;;
    esac
}

# Whether a word without blanks is in a list.
lp_is_one_of() {
    case $1 in *[[:space:]]*) return 1 ;; esac
    case " $2 " in *" $1 "*) ;; *) return 1 ;; esac
}

# The setting of an option: --server-url is SERVER_URL.
lp_option_name() {
    printf '%s' "${1#--}" | tr 'abcdefghijklmnopqrstuvwxyz-' 'ABCDEFGHIJKLMNOPQRSTUVWXYZ_'
}

main() {
    lp_init
    lp_parse "$@" || return
    if [ "$lp_verb" = help ]; then
        lp_usage
        return 0
    fi
    if ! lp_find_self "$0"; then
        lp_error 'this script needs its own file, with the payload behind it' "it was read from $0" 'run it as: sh FILE.run'
        return 2
    fi
    case $lp_verb in
        info) lp_info ;;
        uninstall) lp_uninstall_reported ;;
        *)
            lp_verify || { lp_verify_failed $? 'the file is damaged; nothing was changed'; return; }
            if [ -n "$lp_key" ]; then
                lp_signature_check "$lp_key" || { lp_verify_failed $? 'the signature could not be confirmed; nothing was changed'; return; }
            fi
            case $lp_verb in
                check) lp_say "this file is whole${lp_key:+, and signed by the key in $lp_key}" ;;
                list) lp_decompress_ready && lp_payload_files ;;
                extract) lp_decompress_ready && lp_extract ;;
                install)
                    lp_site_find || { lp_verify_failed $? 'the site file cannot be used; nothing was changed'; return; }
                    cd / && lp_run_install ;;
            esac ;;
    esac
}

# Only an installation leaves a result file; damage found by --check or --list is told to the caller.
lp_verify_failed() {
    if [ "$lp_verb" = install ] && [ "$lp_checks_only" = 0 ]; then lp_result refused "$1" "$2"; fi
    return "$1"
}

# What follows the stub, in bytes.
lp_payload_bytes() {
    echo $(($(wc -c <"$lp_self") - LP_OFFSET))
}

lp_info() {
    if [ "$lp_json_stdout" = 1 ]; then
        printf '{ "product": %s, "title": %s, "version": %s, "arch": %s, "codec": %s, "root": %s, "installed_kb": %s, "payload_offset": %s, "payload_bytes": %s, "sha256": %s, "signed": %s }\n' \
            "$(lp_json "$LP_PRODUCT")" "$(lp_json "$LP_TITLE")" "$(lp_json "$LP_VERSION")" "$(lp_json "$LP_ARCH")" "$(lp_json "$LP_CODEC")" \
            "$(lp_json "$LP_PACKAGED_ROOT")" "$LP_NEEDED_KB" "$LP_OFFSET" "$(lp_payload_bytes)" "$(lp_json "$LP_SUM")" \
            "$(if [ -n "$LP_SIG" ]; then printf true; else printf false; fi)"
        return
    fi
    printf '%s %s (%s), Linux %s\n' "$LP_TITLE" "$LP_VERSION" "$LP_PRODUCT" "$LP_ARCH"
    printf 'containers: %s\nroot: %s\nserver: %s\n' "${LP_CONTAINERS:-none}" "${LP_S_INSTALL_ROOT:-$LP_PACKAGED_ROOT}" "${LP_S_SERVER_URL:-not set}"
    printf 'payload: %s, %s bytes from offset %s; %s kB installed\nsha256 after line 3: %s\nsigned: %s\n' \
        "$LP_CODEC" "$(lp_payload_bytes)" "$LP_OFFSET" "$LP_NEEDED_KB" "$LP_SUM" "$(if [ -n "$LP_SIG" ]; then printf yes; else printf no; fi)"
}

lp_extract() {
    local code
    case $lp_extract_dir in /*) ;; *) lp_extract_dir=$PWD/$lp_extract_dir ;; esac
    if [ -e "$lp_extract_dir" ] && { [ ! -d "$lp_extract_dir" ] || lp_dir_is_filled "$lp_extract_dir"; }; then
        lp_usage_error "$lp_extract_dir exists and is not an empty directory"
        return
    fi
    code=0
    mkdir -p "$lp_extract_dir" && lp_unpack "$lp_extract_dir" -o || code=$?
    [ "$code" != 0 ] || return 0
    if [ "$code" = 20 ]; then
        # What came out of it is nobody's: not even to be looked at.
        find "$lp_extract_dir" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
        return 20
    fi
    lp_error 'the payload could not be unpacked' "$lp_extract_dir" 'see the messages above: space and permissions there'
    return 30
}

# With --json an uninstall, too, says how it went; its own log directory is gone by then.
lp_uninstall_reported() {
    local code message
    code=0 message='nothing was left to do'
    lp_uninstall "$lp_purge" || code=$?
    [ -z "$lp_old_version" ] || message="version $lp_old_version of $lp_old_package"
    printf '{ "outcome": "%s", "exit_code": %s, "message": %s }\n' "$([ "$code" = 0 ] && printf uninstalled || printf failed)" "$code" "$(lp_json "$message")" | lp_result_tell
    return "$code"
}
