# Debian packages, and the unprivileged user the parts run as.

# Running: Python, the box for the parts, Redis, prompts (espeak-ng, sox), the demonstration's
# callers (sip-tester), the speech model (libespeak-ng1), and what builds Asterisk's private root
# (mmdebstrap).
run_packages=(
    bubblewrap ca-certificates debian-archive-keyring espeak-ng gpg mmdebstrap mount passwd
    libespeak-ng1 python3 python3-venv redis-server sip-tester sox tzdata util-linux
)
# Testing: PostgreSQL, a browser that shows Chinese, a reader of RTP, the checker of unit files.
test_packages=(chromium fonts-noto-cjk postgresql systemd tshark)

packages_present() { all_present "${run_packages[@]}"; }
packages_install() { install_quietly "${run_packages[@]}"; }
test_packages_present() { all_present "${test_packages[@]}"; }
test_packages_install() { install_quietly "${test_packages[@]}"; }

all_present() {
    absent=()
    if ! command -v dpkg-query >/dev/null; then
        fail "this machine has no Debian packages: set-up knows Debian 12 and its relatives"
    fi
    local installed package
    installed="$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)"
    for package in "$@"; do
        grep -qxF "installed $package" <<<"$installed" || absent+=("$package")
    done
    missing="Debian packages missing: ${absent[*]}"
    [ "${#absent[@]}" = 0 ]
}

# Debian starts a server as it installs it; a policy of 101 forbids that for the length of this
# installation, and what was newly installed isn't started at the next boot either: the engine
# runs its own Redis, the tests their own PostgreSQL.
install_quietly() {
    all_present "$@" || true
    export DEBIAN_FRONTEND=noninteractive
    forbid_starting
    apt-get -q update || true  # a broken third-party source is no reason to stop; install tells
    apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install "${absent[@]}"
    local server
    for server in redis-server postgresql; do
        if command -v systemctl >/dev/null && [[ " ${absent[*]} " == *" $server "* ]]; then
            systemctl disable "$server.service" || true
        fi
    done
}

forbid_starting() {
    local policy=/usr/sbin/policy-rc.d
    [ -e "$policy" ] && return
    printf '#!/bin/sh\n# made by the hotline set-up for the length of one installation\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    # shellcheck disable=SC2064  # the path is fixed now
    trap "rm -f '$policy'" EXIT
    trap 'exit 130' INT TERM
}

user_present() {
    missing="the system user $run_user"
    ! is_root || getent passwd "$run_user" >/dev/null
}

user_create() {
    useradd --system --user-group --home-dir /nonexistent --no-create-home \
        --shell /usr/sbin/nologin "$run_user"
}

# Root clones under any umask; the user the parts run as must be able to read the rooms. A folder
# above the project may stay closed: the parts get the project bound into their box.
rooms() { find "$project" -mindepth 1 -maxdepth 1 -type d ! -name '.*' ! -name var; }

readable_present() {
    missing="files of the project that other users can't read"
    is_root || return 0
    local folders
    mapfile -t folders < <(rooms)
    [ -z "$(find "$project" -maxdepth 0 ! -perm -o=rx)" ] &&
        [ -z "$(find "${folders[@]}" ! -type l ! -perm -o=r -print -quit)" ]
}

readable_make() {
    local folders
    mapfile -t folders < <(rooms)
    chmod go+rx "$project"
    chmod -R go+rX "${folders[@]}"
}
