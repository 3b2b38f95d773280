# The way to the core server, tried by the connector itself: what the manifest calls core-check, in lp_core_try.

# Many machines have no way to the core at times, and some never: closed sites, images before their network is there, a core that is
# being maintained. All of them would fail at once for what is not their fault; so it is told, and counts with --core only.
lp_check_core() {
    local said code where
    where=$(lp_config_value serverUrl)
    if ! lp_has lp_core_try; then
        [ "$lp_core" = 0 ] || lp_check core 1 '' 'the connector has no check of its own (core-check of the manifest)' '' 'try the address by other means'
        return 0
    fi
    if [ "$(id -u)" != 0 ]; then
        lp_check core 1 '' "$([ "$lp_core" = 0 ] || printf 'only root can try it')" 'tried by root only' 'run it with sudo'
        return 0
    fi
    code=0
    if [ "$lp_core" = 1 ]; then said=$(lp_core_try); else said=$(lp_core_try --once); fi || code=$?
    said=$(printf '%s\n' "$said" | tr -d '\001-\010\013-\037\177' | tail -n 1)
    said=${said#core: } said=${said#problem: }
    case $code,$said in
        0,*) ;;
        124,* | 137,*) said='no answer in time' ;;
        *,) said="the connector's check ended with $code" ;;
    esac
    if [ "$code" = 0 ] || [ "$lp_core" = 0 ]; then
        if [ "$code" != 0 ]; then
            [ "$lp_json_stdout" = 1 ] || lp_say "note: the core server: $said (counts with --core only)"
            said="not reached: $said (counts with --core only)"
        fi
        lp_check core 1 "$where" '' "$said" ''
        return 0
    fi
    lp_check core 1 "$where" "the core server: $said" '' 'see name service, routes, firewalls and the proxy; linkctl set SERVER_URL= or PROXY_URL= changes the way'
}

# lp_core_run PROGRAM ARGUMENT...: as the connector's account. What nobody asked for may take a moment only.
lp_core_run() {
    [ "$lp_core" = 1 ] || ! lp_has timeout || set -- timeout -k 5 5 "$@"
    lp_as "$lp_old_run_as" "$@" </dev/null 2>&1
}
