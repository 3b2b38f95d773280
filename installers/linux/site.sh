# The site file of a .run: the answers of one site, by --site FILE or beside the .run. What it says is read by settings.sh; here it is found,
# read once, and its signature is checked.

LP_SITE_LIMIT=65536

# Leaves the place in lp_site_given and the text in lp_site_text. Returns the exit code.
lp_site_find() {
    lp_site_given=$lp_site_chosen
    if [ "$LP_PACKAGE" != "$LP_PRODUCT" ]; then
        [ -n "$lp_site_given" ] || return 0
        lp_error "this file is the site's own ($LP_PACKAGE), and takes no site file" "$lp_site_given" "take the product's own file ($LP_PRODUCT), or leave --site out"
        return 2
    fi
    [ -n "$lp_site_given" ] || lp_site_beside || return
    [ -n "$lp_site_given" ] || return 0
    if [ -e "$LP_SITE_FILE" ]; then
        lp_error 'a package of a site is installed here' "$LP_SITE_FILE" 'exchange or remove that package; it counts before a site file'
        return 17
    fi
    [ "$lp_site_given" != none ] || return 0
    lp_site_read && lp_site_signed
}

# FILE.site beside FILE.run, else the only site file of the product there. One that somebody else could put there is refused: who may
# write this file, or root, decides what it installs.
lp_site_beside() {
    local file found
    found=
    for file in "${lp_self%.run}.site" "${lp_self%/*}/$LP_PRODUCT"-*.site; do
        [ -e "$file" ] || [ -L "$file" ] || continue
        if [ -n "$found" ]; then
            lp_error 'several site files lie beside this file' "$found, $file" 'choose with --site FILE, or --site none'
            return 2
        fi
        found=$file
        [ "$file" != "${lp_self%.run}.site" ] || break
    done
    [ -n "$found" ] || return 0
    if [ -L "$found" ] || [ ! -f "$found" ] || ! lp_site_is_ours "$found"; then
        lp_error 'a site file beside this file could have been put there by somebody else' "$found" "have root own it, writable for nobody else; or choose with --site FILE, or --site none"
        return 2
    fi
    lp_site_given=$found
}

lp_site_is_ours() {
    local owner
    lp_is_foreign "$1" || return 0
    lp_ls "$lp_self" && owner=$lp_ls_uid && lp_ls "$1" && [ "$lp_ls_uid" = "$owner" ] || return 1
    case $lp_ls_mode in ?????w* | ????????w* | *+) return 1 ;; esac
}

lp_site_read() {
    lp_site_text=$(head -c "$((LP_SITE_LIMIT + 1))" "$lp_site_given" 2>/dev/null | tr -d '\000') || lp_site_text=
    if [ -z "$lp_site_text" ] || [ "${#lp_site_text}" -gt "$LP_SITE_LIMIT" ] || [ "${lp_site_text%%"$lp_line_end"*}" != '# linkpack site 1' ]; then
        lp_error 'this is no site file' "$lp_site_given" 'name the NAME-SITE.site that linkpack build wrote'
        return 2
    fi
    case $lp_line_end$lp_site_text$lp_line_end in *"${lp_line_end}PRODUCT=$LP_PRODUCT$lp_line_end"*) return 0 ;; esac
    lp_error "this site file is not for $LP_PRODUCT" "$lp_site_given" 'name the site file that was built with this file'
    return 2
}

# A signed .run takes site files of the same signer only. The key comes with --key; or it lies in the site file, and has to be the one that
# signed this .run as well. Nobody else can have made another such key: the curve is a named one, or RSA's exponent the usual one.
lp_site_signed() {
    local covered signature
    [ -n "$LP_SIG" ] || return 0
    if ! lp_has openssl; then
        lp_error "the site file's signature cannot be checked: openssl is missing" "$lp_site_given" 'install openssl, or give the settings as options'
        return 15
    fi
    covered=${lp_site_text%"${lp_line_end}SIGNATURE="*} signature=${lp_site_text##*"${lp_line_end}SIGNATURE="}
    if [ -n "$lp_key" ]; then lp_site_key=$(openssl pkey -pubin -in "$lp_key" -outform DER 2>/dev/null | openssl base64 -A)
    else lp_site_key=$(printf '%s\n' "$covered" | sed -n 's/^KEY=//p' | tail -n 1)
    fi
    if [ "$covered" = "$lp_site_text" ] || [ -z "$lp_site_key" ]; then
        lp_error 'the site file is not signed, and this .run is' "$lp_site_given" 'ask for a signed one'
        return 21
    fi
    if lp_site_key_is_plain && lp_site_verified "$LP_SUM" "$LP_SIG" &&
        lp_site_verified "$(printf '%s\n' "$covered" | lp_sha256_long)" "$signature"; then
        return 0
    fi
    lp_error "the site file's signature is wrong, or not made by the key of this .run" "$lp_site_given" 'find out where it comes from'
    return 21
}

lp_site_key_is_plain() {
    case $(printf '%s\n' "$lp_site_key" | openssl base64 -d -A 2>/dev/null | openssl pkey -pubin -inform DER -noout -text 2>/dev/null) in
        *'Exponent: 65537 '* | *'ASN1 OID: prime256v1'* | *'ASN1 OID: secp384r1'* | *'ASN1 OID: secp521r1'*) return 0 ;;
        *) return 1 ;;
    esac
}

# lp_site_verified SUM SIGNATURE: by the key of the site file. Key and signature come through pipes, so no file of them is ever written.
lp_site_verified() {
    case $2 in '' | *[!A-Za-z0-9+/=]*) return 1 ;; esac
    printf '%s\n' "$lp_site_key" | openssl base64 -d -A 2>/dev/null | {
        exec 4<&0
        printf '%s\n' "$2" | openssl base64 -d -A 2>/dev/null | {
            exec 3<&0
            lp_sum_bytes "$1" | openssl pkeyutl -verify -pubin -keyform DER -inkey /dev/fd/4 -sigfile /dev/fd/3 -pkeyopt digest:sha256 >/dev/null 2>&1
        }
    }
}
