# The settings: one vocabulary for options, the answer file, debconf, linkctl set and what was built in.
# Which there are, and what each takes, say the facts (LP_SETTINGS, LP_R_KEY). lp_v_KEY is the value, lp_f_KEY where it came from:
# built-in, site, state, kept, debconf, answer or option; or ignored, where an upgrade leaves the value alone that is in place.

lp_is_setting() {
    case $1 in '' | *[!A-Z_]*) return 1 ;; esac
    case " $LP_SETTINGS " in *" $1 "*) ;; *) return 1 ;; esac
}

# Nothing is installed yet, or a first installation is under way.
lp_is_first() {
    [ -z "$lp_old_version" ] || { [ -f "$LP_LIB/journal" ] && [ -z "$(lp_journal previous)" ]; }
}

# What is of one run counts for a first installation only where a clone inherits it.
lp_set() {
    lp_is_setting "$1" || return 1
    case $3 in
        answer | debconf)
            case " $LP_SETTINGS_ONE_RUN " in *" $1 "*) lp_is_first || return 0 ;; esac ;;
        site)
            case " $LP_SETTINGS_ONE_RUN " in *" $1 "*) return 1 ;; esac ;;
    esac
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
        kept) printf '%s' "$LP_LIB/settings" ;;
        site) printf 'the answers of the site %s' "$lp_site_name" ;;
        *) printf 'the package' ;;
    esac
}

# Prints what is wrong with a value; nothing when it is fine. The root and the account have checks of their own. A value may be a
# secret in the wrong place: it is not shown.
lp_setting_fault() {
    local rule
    case $2 in
        *[[:cntrl:]]*) printf 'holds a control character'; return ;;
    esac
    eval "rule=\$LP_R_$1"
    case $rule in
        flag)
            case $2 in 0 | 1 | '') ;; *) printf 'must be 0 or 1' ;; esac ;;
        path)
            case $2 in
                *\\*) printf 'holds a backslash' ;;
                '' | /*) ;;
                *) printf 'must be an absolute path (of the file; never the secret itself)' ;;
            esac ;;
        identity)
            case $2 in *[!A-Za-z0-9._:-]*) printf 'may hold letters, digits and . _ : - only' ;; esac ;;
        url) [ -z "$2" ] || lp_url_fault "$2" ;;
        urls) lp_urls_fault "$2" ;;
        containers) lp_containers_fault "$2" ;;
    esac
}

lp_url_fault() {
    case $1 in
        *[\;\ ]*) printf 'must be one URL' ;;
        *[\"\'\\\|\<\>]*) printf 'holds a character that no URL has' ;;
        http://[!/:]* | https://[!/:]*) ;;
        *) printf 'is no URL; write something like https://core.example:443' ;;
    esac
}

lp_urls_fault() {
    local rest fault
    [ -n "$1" ] || return 0
    rest="$1;"
    while [ -n "$rest" ]; do
        fault=$(lp_url_fault "${rest%%;*}")
        [ -z "$fault" ] || { printf '%s' "$fault"; return; }
        rest=${rest#*;}
    done
}

lp_containers_fault() {
    local name rest
    case $1 in '' | '*') return ;; esac
    rest=$1,
    while [ -n "$rest" ]; do
        name=${rest%%,*} rest=${rest#*,}
        case " $LP_CONTAINERS " in
            *" $name "*) [ -z "$name" ] || continue ;;
        esac
        printf 'names "%s", which this package does not hold (it holds: %s)' "$name" "$LP_CONTAINERS"
        return
    done
    for name in $LP_REQUIRED; do
        case ",$1," in *",$name,"*) ;; *) printf 'leaves out %s, which is required' "$name"; return ;; esac
    done
}

# The containers of a list that this version has, and those that it requires.
lp_containers_fit() {
    local name rest fit
    rest=$1, fit=
    while [ -n "$rest" ]; do
        name=${rest%%,*} rest=${rest#*,}
        case " $LP_CONTAINERS " in *" $name "*) [ -z "$name" ] || fit=$fit${fit:+,}$name ;; esac
    done
    for name in $LP_REQUIRED; do
        case ",$fit," in *",$name,"*) ;; *) fit=$fit${fit:+,}$name ;; esac
    done
    printf '%s' "$fit"
}

lp_settings_built_in() {
    local key
    for key in $LP_SETTINGS; do
        eval "lp_set $key \"\$LP_S_$key\" built-in"
    done
    [ -n "$lp_v_INSTALL_ROOT" ] || lp_v_INSTALL_ROOT=$LP_PACKAGED_ROOT
    [ -n "$lp_v_RUN_AS" ] || lp_v_RUN_AS=root
    [ -n "$lp_v_CONTAINERS" ] || lp_v_CONTAINERS='*'
}

# lp_settings_file FILE SOURCE: it decides what runs as root, so it must be root's alone. It is parsed, never sourced.
lp_settings_file() {
    [ -e "$1" ] || [ -L "$1" ] || return 0
    if [ -L "$1" ] || [ ! -f "$1" ] || lp_is_foreign "$1" || lp_is_foreign "${1%/*}"; then
        lp_error "the $2 file is not root's alone" "$1" \
            "chown root:root ${1%/*} $1; chmod go-w ${1%/*} $1; it must be a plain file, not a link"
        return 1
    fi
    lp_settings_text "$(cat "$1")" "$2" "$1"
}
lp_cr=$(printf '\r')

# The site's level: the file of its package NAME-site-SITE, or what a .run was given. A site's own package has it built in.
lp_site_name='' lp_site_lines='' lp_site_given='' lp_site_text=''
lp_settings_site() {
    lp_site_name='' lp_site_lines=''
    [ "$LP_PACKAGE" = "$LP_PRODUCT" ] || return 0
    [ -z "$lp_site_given" ] || { lp_settings_text "$lp_site_text" site "$lp_site_given"; return; }
    lp_settings_file "$LP_D$LP_SITE_FILE" site || return
    [ -n "$lp_site_name" ] || lp_settings_file "$LP_LIB/site" site
}

# What a site file holds beside settings: whom it is for, and lines of csclient.cfg, which are kept for lp_site_pairs.
lp_site_line() {
    case $2 in *[[:cntrl:]]*) return 1 ;; esac
    case $1 in
        PRODUCT) [ "$2" = "$LP_PRODUCT" ] ;;
        SITE) case $2 in '' | *[!A-Za-z0-9._+-]*) return 1 ;; *) lp_site_name=$2 ;; esac ;;
        KEY | SIGNATURE) ;;
        csclient.serverUrl | csclient.vlinkCoreId | csclient.vlinkMachineId | csclient. | csclient.*[!A-Za-z0-9._-]*) return 1 ;;
        csclient.*) lp_site_lines="$lp_site_lines${1#csclient.}=$2$lp_line_end" ;;
        *) return 1 ;;
    esac
}
lp_line_end='
'

# What this run was given stays for the next one. Without a text it was told to have no site.
lp_site_save() {
    if [ -z "$lp_site_given" ]; then return 0; fi
    if [ -n "$lp_site_text" ]; then printf '%s\n' "$lp_site_text" | lp_write "$LP_LIB/site" 600; else rm -f "$LP_LIB/site"; fi
}

# lp_settings_text TEXT SOURCE PLACE: KEY=VALUE lines. An upgrade goes on without a line that it does not understand.
lp_settings_text() {
    local rest line number key value bad
    rest=$1$lp_line_end number=0 bad=0
    while [ -n "$rest" ]; do
        line=${rest%%"$lp_line_end"*} rest=${rest#*"$lp_line_end"}
        number=$((number + 1))
        line=${line%"$lp_cr"}
        line=${line#"${line%%[![:blank:]]*}"} line=${line%"${line##*[![:blank:]]}"}
        case $line in '' | '#'*) continue ;; esac
        key=${line%%=*} value=${line#*=}
        case $line in *=*) ;; *) key= ;; esac
        if ! lp_is_setting "$key"; then
            { [ "$2" = site ] && lp_site_line "$key" "$value"; } || lp_settings_line_fault "$3" "$number" "$key" "$2" || bad=1
            continue
        fi
        case $value in
            \"*\") value=${value#\"} value=${value%\"} ;;
            \'*\') value=${value#\'} value=${value%\'} ;;
        esac
        lp_set "$key" "$value" "$2" || lp_settings_line_fault "$3" "$number" "$key" "$2" || bad=1
    done
    return "$bad"
}

# Of a line that is not understood only a key is shown that looks like one: the rest may be a secret.
lp_settings_line_fault() {
    local what
    what="the $4 file has a line that is no setting$(lp_shown_key "$3")"
    [ "$3" != PRODUCT ] || what="the $4 file is not for $LP_PRODUCT"
    if lp_is_lenient "$4"; then
        lp_warn "$what ($1, line $2); it is ignored"
        return 0
    fi
    lp_error "$what" "$1, line $2" "write KEY=VALUE with one of $LP_SETTINGS"
    return 1
}

# ": KEY" where the text has the form of a setting's name; nothing otherwise.
lp_shown_key() {
    case $1 in '' | *[!A-Z_]*) ;; *) printf ': %s' "$1" ;; esac
}

# lp_is_lenient SOURCE: an upgrade is not refused for what an answer says, but for what this run is about; so is dpkg-reconfigure.
lp_strict=option
lp_is_lenient() {
    [ "$1" != "$lp_strict" ] && ! lp_is_first && [ "${DEBCONF_RECONFIGURE:-}" != 1 ]
}

# On an upgrade the account stays what it was; only a value given anew changes it.
lp_settings_state() {
    [ -z "$lp_old_run_as" ] || lp_set RUN_AS "$lp_old_run_as" state
}

# What `linkctl set` or an earlier command line has set.
lp_settings_kept() {
    local key value
    [ -f "$LP_LIB/settings" ] || return 0
    for key in $LP_SETTINGS_KEPT; do
        grep -q "^$key=" "$LP_LIB/settings" || continue
        value=$(lp_value "$LP_LIB/settings" "$key")
        lp_set "$key" "$value" kept
    done
}

# lp_settings_save: what this run's command line named is remembered, beside what was.
lp_settings_save() {
    local key
    lp_make_dir "$LP_LIB" 755 || return 1
    for key in $LP_SETTINGS_KEPT; do
        case " $lp_options " in
            *" $key "*) eval "printf '%s=%s\n' $key \"\$lp_o_$key\"" ;;
            *) [ ! -f "$LP_LIB/settings" ] || grep "^$key=" "$LP_LIB/settings" || : ;;
        esac
    done | lp_write "$LP_LIB/settings" 600 || return 1
    [ -s "$LP_LIB/settings" ] || rm -f "$LP_LIB/settings"
}

lp_settings_options() {
    local key
    for key in $lp_options; do
        eval "lp_set $key \"\$lp_o_$key\" option"
    done
}

# Loads everything in the order of precedence. A failure is a usage error (2), said with the place of each fault.
lp_settings_load() {
    local key bad
    bad=0
    lp_settings_built_in
    lp_settings_site || bad=1
    lp_settings_state
    lp_settings_kept
    if [ "$LP_CHANNEL" = deb ]; then lp_settings_debconf; fi
    lp_settings_file "$LP_ETC/install.conf" answer || bad=1
    lp_settings_options
    [ -n "$lp_v_CONTAINERS" ] || lp_v_CONTAINERS='*'
    lp_account_resolve
    for key in $LP_SETTINGS; do
        lp_setting_check "$key" || bad=1
    done
    if [ "$lp_v_IMAGE" = 1 ] && [ -n "$lp_v_CORE_ID" ]; then
        lp_error 'CORE_ID cannot go into an image: every clone would have it' 'IMAGE=1 and CORE_ID are both set' 'leave CORE_ID out'
        bad=1
    fi
    return "$bad"
}

# A wrong value is refused; but an upgrade goes on with what is in place, unless this very command line is wrong.
lp_setting_check() {
    local value source fault
    eval "value=\$lp_v_$1 source=\$lp_f_$1"
    fault=$(lp_setting_fault "$1" "$value")
    [ -n "$fault" ] || return 0
    if ! lp_is_lenient "$source"; then
        lp_error "$1 $fault" "from $(lp_source "$source")" 'correct the value and try again'
        return 1
    fi
    lp_warn "$1 $fault (from $(lp_source "$source")): $(lp_setting_without "$1")"
    case $1 in
        CONTAINERS) lp_v_CONTAINERS=$(lp_containers_fit "$value") ;;
        RUN_AS) lp_settings_state ;;
        *) eval "lp_v_$1= lp_f_$1=ignored" ;;
    esac
}

lp_setting_without() {
    if [ "$1" = CONTAINERS ]; then printf 'those of them that there are run, and those that are required'
    else printf 'it is ignored'
    fi
}

# For an installation: what is there, then what was asked for. A template that has not been started yet stays one.
lp_settings_begin() {
    lp_state_load || lp_kept_load || :
    lp_settings_load || return
    if lp_state_is_image && ! lp_service_is_active; then lp_v_IMAGE=1; fi
}
