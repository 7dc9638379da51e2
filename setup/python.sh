# The Python environment: exactly requirements.lock, every file checked by its hash, on the
# distribution's own Python (one found on PATH may be unreadable for the user the engine runs as).

readonly system_python=/usr/bin/python3
readonly interpreter_packages=(ca-certificates python3 python3-venv)

python_present() {
    missing="the Python environment ($venv) as requirements.lock wants it"
    [ -x "$python" ] && [ -x "$venv/bin/hotline" ] || return 1
    "$python" -I setup/installed.py requirements.lock "$project" "$(project_version)" 2>/dev/null
}

project_version() { sed -n 's/^version = "\(.*\)"$/\1/p' "$project/pyproject.toml"; }

# What `check` needs of the machine; whoever runs the engine gets it with the other packages.
interpreter_present() {
    missing="Python 3 with venv (Debian packages: ${interpreter_packages[*]})"
    "$system_python" -c 'import ensurepip, venv' 2>/dev/null
}

interpreter_install() { install_quietly "${interpreter_packages[@]}"; }

python_build() {
    if ! "$system_python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        echo "$system_python is older than Python 3.11"
        return 1
    fi
    if ! [ -x "$python" ] || ! "$python" -I -c "import sys, pip; sys.exit(sys.prefix != '$venv')"; then
        rm -rf "$venv"
        "$system_python" -m venv "$venv"
    fi
    "$python" -I -m pip install --no-input --require-hashes --no-deps -r requirements.lock
    make_importable
}

# The project itself: a path file, its name and version, and a command; nothing is built or copied.
make_importable() {
    local packages version
    packages="$("$python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
    version="$(project_version)"
    rm -rf "$packages"/hotline12345*
    printf '%s\n' "$project" >"$packages/hotline12345.pth"
    mkdir "$packages/hotline12345-$version.dist-info"
    printf 'Metadata-Version: 2.1\nName: hotline12345\nVersion: %s\n' "$version" \
        >"$packages/hotline12345-$version.dist-info/METADATA"
    cat >"$venv/bin/hotline" <<'COMMAND'
#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/python" -P -m hotline "$@"
COMMAND
    chmod 755 "$venv/bin/hotline"
    local folders
    mapfile -t folders < <(rooms)
    "$python" -m compileall -q "${folders[@]}"  # whoever runs it later may not write here
}
