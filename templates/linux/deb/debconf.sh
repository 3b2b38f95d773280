if [ -e /usr/share/debconf/confmodule ] && [ -z "${DPKG_ROOT:-}" ]; then
    # shellcheck disable=SC1091 # on the endpoint only
    . /usr/share/debconf/confmodule
    lp_debconf=1
fi
