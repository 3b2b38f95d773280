# The lines of csclient.cfg that this package wants: key, value, the settings that speak for it.
lp_config_pairs() {
    "$1" serverUrl "$(lp_config_urls)" SERVER_URL FALLBACK_URLS
    "$1" vlinkCoreId "$lp_v_CORE_ID" CORE_ID
    "$1" tokenFile "$lp_v_TOKEN_FILE" TOKEN_FILE
    "$1" containers "$lp_v_CONTAINERS" CONTAINERS
{% for key, value in config %}
    "$1" {{ key|sh }} {{ value|sh }}
{% endfor %}
}

lp_unit_text() {
    printf '%s\n' {{ unit|sh }}
}

lp_init_text() {
    printf '%s\n' {{ init|sh }}
}

lp_logrotate_text() {
    printf '%s\n' {{ logrotate|sh }}
}

lp_seal_paths() {
    printf '%s\n' {{ seal_paths|map("sh")|join(" ") }}
}
