# The settings: one vocabulary for options, the answer file, debconf and what was built in.
# lp_v_KEY is the value, lp_f_KEY where it came from: built-in, state, debconf, answer or option.

lp_is_setting() {
    case $1 in
        INSTALL_ROOT | SERVER_URL | FALLBACK_URLS | CORE_ID | TOKEN_FILE | RUN_AS | CONTAINERS | IMAGE | NO_START | ALLOW_DOWNGRADE) return 0 ;;
        *) return 1 ;;
    esac
}

lp_set() {
    lp_is_setting "$1" || return 1
    eval "lp_v_$1=\$2 lp_f_$1=\$3"
}

# Options are read first and must win last: they wait here until the rest is known.
lp_option() {
    lp_is_setting "$1" || return 1
    eval "lp_o_$1=\$2"
    lp_options="$lp_options $1"
}

# The source of a value, for a sentence.
lp_source() {
    case $1 in
        option) printf 'the command line' ;;
        answer) printf '%s' "$LP_ETC/install.conf" ;;
        debconf) printf 'debconf' ;;
        *) printf 'the package' ;;
    esac
}

# Prints what is wrong with a value; nothing when it is fine. The root and the account have checks of their own.
lp_setting_fault() {
    case $2 in
        *[[:cntrl:]]*) printf 'holds a control character'; return ;;
    esac
    case $1 in
        IMAGE | NO_START | ALLOW_DOWNGRADE)
            case $2 in 0 | 1 | '') ;; *) printf 'must be 0 or 1' ;; esac ;;
        TOKEN_FILE)
            case $2 in '' | /*) ;; *) printf 'must be an absolute path (of the file; never the secret itself)' ;; esac ;;
        CORE_ID)
            case $2 in *[!A-Za-z0-9._:-]*) printf 'may hold letters, digits and . _ : - only' ;; esac ;;
        SERVER_URL)
            case $2 in *[\;\ ]*) printf 'must be one URL; further ones belong in FALLBACK_URLS' ;; esac ;;
        CONTAINERS) lp_containers_fault "$2" ;;
    esac
}

lp_containers_fault() {
    local name rest
    case $1 in '' | '*') return ;; esac
    rest=$1,
    while [ -n "$rest" ]; do
        name=${rest%%,*} rest=${rest#*,}
        case " $LP_CONTAINERS " in
            *" $name "*) ;;
            *) printf 'names "%s", which this package does not hold (it holds: %s)' "$name" "$LP_CONTAINERS"; return ;;
        esac
    done
    for name in $LP_REQUIRED; do
        case ",$1," in *",$name,"*) ;; *) printf 'leaves out %s, which is required' "$name"; return ;; esac
    done
}

lp_settings_built_in() {
    local key
    for key in INSTALL_ROOT SERVER_URL FALLBACK_URLS CORE_ID TOKEN_FILE RUN_AS CONTAINERS IMAGE NO_START ALLOW_DOWNGRADE; do
        eval "lp_set $key \"\$LP_S_$key\" built-in"
    done
    [ -n "$lp_v_INSTALL_ROOT" ] || lp_v_INSTALL_ROOT=$LP_PACKAGED_ROOT
    [ -n "$lp_v_RUN_AS" ] || lp_v_RUN_AS=root
    [ -n "$lp_v_CONTAINERS" ] || lp_v_CONTAINERS='*'
}

# The answer file decides what runs as root: it must be root's alone. It is parsed, never sourced.
lp_settings_answers() {
    local file line number key value bad
    file=$LP_ETC/install.conf
    [ -e "$file" ] || [ -L "$file" ] || return 0
    if [ -L "$file" ] || [ ! -f "$file" ] || lp_is_foreign "$file" || lp_is_foreign "$LP_ETC"; then
        lp_error "the answer file is not root's alone" "$file" \
            "chown root:root $LP_ETC $file; chmod go-w $LP_ETC $file; it must be a plain file, not a link"
        return 1
    fi
    number=0 bad=0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        line=${line%"$lp_cr"}
        line=${line#"${line%%[! ]*}"}
        case $line in '' | '#'*) continue ;; esac
        key=${line%%=*} value=${line#*=}
        case $line in
            *=*) ;;
            *) key= ;;
        esac
        if ! lp_is_setting "$key"; then
            lp_error "the answer file has a line that is no setting: $line" "$file, line $number" \
                'write KEY=VALUE with one of INSTALL_ROOT SERVER_URL FALLBACK_URLS CORE_ID TOKEN_FILE RUN_AS CONTAINERS IMAGE NO_START ALLOW_DOWNGRADE'
            bad=1
            continue
        fi
        case $value in
            \"*\") value=${value#\"} value=${value%\"} ;;
            \'*\') value=${value#\'} value=${value%\'} ;;
        esac
        lp_set "$key" "$value" answer
    done <"$file"
    return "$bad"
}
lp_cr=$(printf '\r')

# On an upgrade the account stays what it was; only a value given anew changes it.
lp_settings_state() {
    [ -z "$lp_old_run_as" ] || lp_set RUN_AS "$lp_old_run_as" state
}

lp_settings_options() {
    local key
    for key in $lp_options; do
        eval "lp_set $key \"\$lp_o_$key\" option"
    done
}

# Loads everything in the order of precedence. A failure is a usage error (2), said with the place of each fault.
lp_settings_load() {
    local key fault bad
    bad=0
    lp_settings_built_in
    lp_settings_state
    if [ "$LP_CHANNEL" = deb ]; then lp_settings_debconf; fi
    lp_settings_answers || bad=1
    lp_settings_options
    lp_account_resolve
    for key in INSTALL_ROOT SERVER_URL FALLBACK_URLS CORE_ID TOKEN_FILE RUN_AS CONTAINERS IMAGE NO_START ALLOW_DOWNGRADE; do
        eval "fault=\$(lp_setting_fault $key \"\$lp_v_$key\")"
        [ -n "$fault" ] || continue
        eval "lp_error \"$key \$fault\" \"from \$(lp_source \"\$lp_f_$key\")\" 'correct the value and try again'"
        bad=1
    done
    if [ "$lp_v_IMAGE" = 1 ] && [ -n "$lp_v_CORE_ID" ]; then
        lp_error 'CORE_ID cannot go into an image: every clone would have it' 'IMAGE=1 and CORE_ID are both set' 'leave CORE_ID out'
        bad=1
    fi
    return "$bad"
}
