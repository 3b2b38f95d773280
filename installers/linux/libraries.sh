# The libraries and programs that the payload's files need. dpkg and rpm ask their databases for them; a .run looks for itself.
# LP_LIBRARIES has a line for each library, `64|32 SONAME PACKAGE VERSION...`; LP_LIBRARY_FOLDERS and LP_PROGRAMS a line for each of theirs.

lp_check_libraries() {
    local fault line rest newline
    [ -n "$LP_LIBRARIES$LP_PROGRAMS" ] || return 0
    # Of another machine, or without awk, nothing can be said: check platform names these.
    lp_has awk || return 0
    [ -z "$LP_ARCH" ] || [ "$(lp_machine)" = "$LP_ARCH" ] || return 0
    lp_missing='' lp_missing_packages='' lp_missing_names='' lp_too_old=''
    lp_cache=''
    [ -n "$LP_D" ] || lp_cache=$(ldconfig -p 2>/dev/null || :)
    newline='
' rest=$LP_LIBRARIES
    while [ -n "$rest" ]; do
        line=${rest%%"$newline"*}
        rest=${rest#"$line"}
        rest=${rest#"$newline"}
        # shellcheck disable=SC2086 # words without blanks or patterns: build/needs/run.rs sees to that
        lp_check_library $line
    done
    for line in $LP_PROGRAMS; do
        [ -x "$LP_D$line" ] || lp_missing="$lp_missing${lp_missing:+, }$line"
    done
    fault=${lp_missing:+what its programs need is missing: $lp_missing}
    lp_check libraries 15 '' "$fault" 'all that its programs need is there' "$(lp_libraries_remedy)"
}

# lp_check_library CLASS SONAME PACKAGE VERSION...: any file of that name and class that has all the versions will do.
lp_check_library() {
    local class soname package file version lacks
    class=$1 soname=$2 package=$3
    shift 3
    lacks=$soname
    for file in $(lp_library_files "$soname"); do
        [ "$(lp_library_class "$file")" = "$class" ] || continue
        lacks=''
        for version in "$@"; do
            LC_ALL=C tr '\000' '\n' <"$file" 2>/dev/null | LC_ALL=C grep -qxF -e "$version" || lacks="$lacks $version"
        done
        [ -n "$lacks" ] || return 0
        lacks="$soname with$lacks"
    done
    lp_missing="$lp_missing${lp_missing:+, }$lacks"
    case $lacks in
        *' with '*) lp_too_old=1 ;;
        *)
            [ "$package" = - ] || lp_missing_packages="$lp_missing_packages $package"
            [ "$class" = 32 ] || soname="$soname()(64bit)"
            lp_missing_names="$lp_missing_names $(lp_quote "$soname")" ;;
    esac
}

# The files of a library's name: those of the loader's cache, then those in the folders that it looks into without one.
lp_library_files() {
    local folder
    printf '%s\n' "$lp_cache" | awk -v name="$1" '$1 == name && $NF ~ /^\// { print $NF }'
    for folder in $LP_LIBRARY_FOLDERS /lib64 /usr/lib64 /lib /usr/lib "/lib/$LP_ARCH-linux-gnu" "/usr/lib/$LP_ARCH-linux-gnu" \
        /usr/local/lib /lib32 /usr/lib32 /lib/i386-linux-gnu /usr/lib/i386-linux-gnu; do
        [ ! -f "$LP_D$folder/$1" ] || printf '%s\n' "$LP_D$folder/$1"
    done
}

# 64 or 32 for an ELF file, by its fifth byte.
lp_library_class() {
    case $(od -An -tx1 -N5 "$1" 2>/dev/null | tr -d ' \n') in
        7f454c4602) printf 64 ;;
        7f454c4601) printf 32 ;;
    esac
}

lp_libraries_remedy() {
    if [ -n "$lp_too_old" ]; then
        printf 'this system has older libraries: take a package that was built for it, or a newer system'
    elif lp_has apt-get && [ -n "$lp_missing_packages" ]; then
        printf 'apt-get install%s' "$lp_missing_packages"
    elif lp_has dnf && [ -n "$lp_missing_names" ]; then
        printf 'dnf install%s' "$lp_missing_names"
    elif lp_has zypper && [ -n "$lp_missing_names" ]; then
        printf 'zypper install%s' "$lp_missing_names"
    else
        printf 'install the packages that have them with the package manager'
    fi
}
