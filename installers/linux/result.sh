# install.json: how it went, always; and the sentence that people read.

# lp_result OUTCOME CODE MESSAGE
lp_result() {
    local document
    document=$(lp_result_document "$@")
    lp_result_show "$document"
    if ! (lp_result_store "$document") 2>/dev/null; then
        [ "$lp_json_stdout" = 1 ] || printf '%s\n' "$document" >&2
    fi
    lp_log "$1 ($2): $3"
}
lp_json_stdout=0 lp_result_to=

# Only for who asked: a .run has --json and --result. The document is the one that is kept: two would differ in finished_at.
lp_result_print() { lp_result_show "$(lp_result_document "$@")"; }
lp_result_show() { [ -z "$lp_result_to" ] || printf '%s\n' "$1" | "$lp_result_to"; }

lp_result_document() {
    local previous
    previous=null
    [ -z "$lp_old_version" ] || previous=$(lp_json "$lp_old_version")
    printf '{ "outcome": %s, "exit_code": %s, "product": %s, "version": %s, "previous_version": %s,\n' \
        "$(lp_json "$1")" "$2" "$(lp_json "$LP_PACKAGE")" "$(lp_json "$LP_VERSION")" "$previous"
    printf '  "root": %s, "channel": %s, "image": %s, "started_at": %s, "finished_at": %s,\n' \
        "$(lp_json "$lp_root")" "$(lp_json "$LP_CHANNEL")" "$([ "$lp_v_IMAGE" = 1 ] && printf true || printf false)" \
        "$(lp_json "$lp_started")" "$(lp_json "$(lp_now)")"
    printf '  "message": %s,\n  "checks": [ %s ] }\n' "$(lp_json "$3")" "$lp_checks"
}

# By root in a folder of root's, never through a link. In one that an older version gave to the account it is written with its rights.
lp_result_store() {
    lp_log_dir && lp_ls "$LP_LOG" || return 1
    if [ "$lp_ls_uid" = 0 ]; then
        printf '%s\n' "$1" | lp_write "$LP_LOG/install.json" 640
    else
        # shellcheck disable=SC2016 # expanded by the inner shell
        (lp_as_limit=30 && printf '%s\n' "$1" | lp_as "$lp_old_run_as" sh -c 'umask 027; rm -f "$1.new"; set -C; cat >"$1.new" && mv -f "$1.new" "$1"' sh "$LP_LOG/install.json")
    fi
}

# The log directory exists from the first refusal on: it holds the answer to "why did it not install?".
lp_log_dir() {
    [ "$(id -u)" = 0 ] && [ ! -L "$LP_LOG" ] || return 1
    lp_log_own
}
