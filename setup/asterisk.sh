# Asterisk 22. A private root beside the host's libraries, unless the machine has (or offers) an
# Asterisk of its own that is new enough.

readonly oldest_asterisk=20
readonly needed_modules=(app_mixmonitor app_queue chan_pjsip res_agi res_musiconhold)

asterisk_present() {
    missing="Asterisk $oldest_asterisk or newer (neither in $asterisk_root nor on this machine)"
    if [ -e "$asterisk_root/usr/sbin/asterisk" ]; then
        root_works "$asterisk_root"
        return
    fi
    [ -z "${HOTLINE_ASTERISK_ROOT:-}" ] && root_works /
}

# A root works when its Asterisk runs, is new enough and has the modules.
root_works() {
    local root="${1%/}" version modules module
    [ -x "$root/usr/sbin/asterisk" ] || return 1
    if ! version="$(in_root "$1" /usr/sbin/asterisk -V 2>&1)"; then
        missing="an Asterisk in $1 that runs here (it says: ${version##*$'\n'})"
        return 1
    fi
    version="${version#Asterisk }"
    [ "${version%%.*}" -ge "$oldest_asterisk" ] 2>/dev/null || return 1
    modules="$(echo "$root"/usr/lib/*/asterisk/modules "$root"/usr/lib/asterisk/modules)"
    for module in "${needed_modules[@]}"; do
        # shellcheck disable=SC2086  # a list of folders
        [ -n "$(find $modules -name "$module.so" -print -quit 2>/dev/null)" ] || return 1
    done
}

in_root() {
    local root="$1"
    shift
    bwrap --ro-bind "$root" / --dev /dev --proc /proc --tmpfs /tmp "$@"
}

asterisk_build() {
    if [ -z "${HOTLINE_ASTERISK_ROOT:-}" ] && apt_offers_asterisk; then
        forbid_starting
        DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install asterisk
        systemctl disable asterisk.service || true
        return
    fi
    build_root
}

apt_offers_asterisk() {
    local candidate
    candidate="$(LC_ALL=C apt-cache policy asterisk | awk '/Candidate:/ { print $2 }')"
    candidate="${candidate#*:}"
    [ "${candidate%%.*}" -ge "$oldest_asterisk" ] 2>/dev/null
}

# Built beside its place and moved there whole, so that a broken build never looks finished.
build_root() {
    local mirror sources keyring building arguments=() line
    if [ -e "$asterisk_root" ] && [ ! -e "$asterisk_root/usr/sbin/asterisk" ]; then
        echo "$asterisk_root is there but holds no Asterisk: remove it or set HOTLINE_ASTERISK_ROOT"
        return 1
    fi
    [ -n "$(host_mirror)" ] || apt-get -q update || true
    read -r mirror sources <<<"$(host_mirror)"
    if [ -z "$mirror" ]; then
        echo "apt knows no source of Debian's main archive"
        return 1
    fi
    mkdir -p "${asterisk_root%/*}/"
    building="$(mktemp -d "$asterisk_root.building.XXXXXX")"
    # shellcheck disable=SC2064  # the path is fixed now
    trap "rm -rf --one-file-system '$building'" EXIT
    trap 'exit 130' INT TERM
    for keyring in $(host_keyrings "$sources"); do arguments+=("--keyring=$keyring"); done
    while IFS= read -r line; do arguments+=("--aptopt=$line"); done < <(host_apt_options)
    # A frozen mirror's index may be past its date; its signature is checked all the same.
    mmdebstrap --variant=apt --include=asterisk,python3,ca-certificates \
        --aptopt='Apt::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
        "${arguments[@]}" sid "$building" "$mirror"
    rm -rf "$building"/var/cache/apt/archives/*.deb "$building"/var/lib/apt/lists/*
    chmod 755 "$building"
    rm -rf --one-file-system "$asterisk_root"
    mv -T "$building" "$asterisk_root"
}

# Where this machine gets Debian's main archive from (address and sources file), as apt reads it.
host_mirror() {
    local address sources
    read -r address sources <<<"$(apt-get indextargets --format '$(REPO_URI) $(SOURCESENTRY)' \
        'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 'Component: main' | head -n1)"
    case "$address" in
        mirror+file:*) address="$(grep -m1 -oE '^[a-z+]+:[^[:space:]]+' "/${address#mirror+file:*/}")" ;;
    esac
    if [ -n "$address" ]; then echo "$address ${sources%:*}"; fi
}

# The keys this machine trusts for that source, beside Debian's own.
host_keyrings() {
    local file
    for file in /usr/share/keyrings/debian-archive-keyring.gpg \
        $(grep -oiE 'signed-by[=:] *[^] ]+' "$1" 2>/dev/null | sed -E 's/^[^=:]*[=:] *//'); do
        [ -f "$file" ] && echo "$file"
    done | sort -u
}

# The machine's own way to the network: proxies, certificates, time-outs.
host_apt_options() {
    apt-config dump | grep -E '^Acquire::(http|https|ftp|ForceIPv[46]|Retries)[: ]' | grep -v ' "";$' | sed 's/;$//' || true
}
