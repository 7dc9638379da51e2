#!/bin/bash
# Set-up: brings in what is missing, and nothing else. `setup/main.sh run` for running,
# `setup/main.sh test` for the tests too, `setup/main.sh check` for format, lint, types and walls.
#
# Every step is a pair: a check that looks at the real thing (and says in $missing what isn't
# there) and an action that is only taken when the check says no.
set -euo pipefail
umask 022  # what root sets up must be readable by the user the engine runs as

readonly project="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
readonly want="${1:-run}"
readonly asterisk_root="${HOTLINE_ASTERISK_ROOT:-/opt/hotline/asterisk}"
readonly run_user="${HOTLINE_USER:-hotline}"
readonly cache="${HOTLINE_CACHE:-$project/.cache}"
readonly venv="$project/.venv"
readonly python="$venv/bin/python"

cd "$project"
for part in steps packages asterisk python prompts speech; do
    # shellcheck source=/dev/null
    . "setup/$part.sh"
done

case "$want" in
    run | test | check) ;;
    *) fail "set-up knows run, test and check, not '$want'" ;;
esac

if [ "$want" = check ]; then
    root_step "Python" interpreter_present interpreter_install
else
    root_step "Debian packages" packages_present packages_install
    root_step "user $run_user" user_present user_create
    root_step "Asterisk 22" asterisk_present asterisk_build
fi
own_step "project readable" readable_present readable_make
own_step "Python environment" python_present python_build
if [ "$want" != check ]; then
    own_step "prompts" prompts_present prompts_build
    own_step "speech model" speech_present speech_build
fi
if [ "$want" = test ]; then
    root_step "Debian packages of the tests" test_packages_present test_packages_install
fi
finish
