# The lines of csclient.cfg that this package wants: key, value, the settings that speak for it.
lp_config_pairs() {
    "$1" serverUrl "$(lp_config_urls)" SERVER_URL FALLBACK_URLS
    "$1" vlinkCoreId "$lp_v_CORE_ID" CORE_ID
{% for setting in settings.rows if setting.config_key %}
    "$1" {{ setting.config_key }} "$lp_v_{{ setting.name }}" {{ setting.name }}
{% endfor %}
{% for key, value in config %}
    "$1" {{ key|sh }} {{ value|sh }}
{% endfor %}
    lp_site_pairs "$1"
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
