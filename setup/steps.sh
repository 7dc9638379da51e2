# How steps run: one line each with the time it took; the noise goes to a log file.

readonly started="$EPOCHREALTIME"
log=""
missing=""
undone=()
taken=0

is_root() { [ "$(id -u)" = 0 ]; }

# One sentence on stderr, then the end.
fail() {
    printf 'set-up: %s\n' "$1" >&2
    exit 1
}

seconds_since() {
    awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", b - a }'
}

# A step only root can take: others are told at the end, in one sentence.
root_step() {
    local title="$1" check="$2" action="$3"
    missing=""
    "$check" && return
    if ! is_root; then
        undone+=("$missing")
        return
    fi
    take "$title" "$check" "$action"
}

# A step that whoever owns the project can take.
own_step() {
    local title="$1" check="$2" action="$3"
    missing=""
    "$check" && return
    if [ "${#undone[@]}" -gt 0 ] || [ ! -w "$project" ]; then
        undone+=("$missing")
        return
    fi
    take "$title" "$check" "$action"
}

take() {
    local title="$1" check="$2" action="$3" begun="$EPOCHREALTIME" worker code=0
    open_log
    taken=$((taken + 1))
    printf '\n== %s: %s\n' "$(date '+%F %T')" "$title" >>"$log"
    printf '  … %s' "$title"
    set -m  # a process group of its own: Ctrl-C ends the step with all it started
    ("$action") >>"$log" 2>&1 </dev/null 9>&- &
    worker=$!
    set +m
    trap 'kill -- -"$worker" 2>/dev/null || true; wait "$worker" 2>/dev/null || true; printf "\n"; fail "interrupted"' INT TERM
    while [ -t 1 ] && kill -0 "$worker" 2>/dev/null; do
        printf '\r\033[K  … %s, %s' "$title" "$(seconds_since "$begun")"
        sleep 0.5
    done
    wait "$worker" || code=$?
    trap - INT TERM
    missing=""
    if [ "$code" != 0 ] || ! "$check"; then
        printf '\n'
        fail "$title: $(reason) (log: $log)"
    fi
    if [ -t 1 ]; then printf '\r\033[K  ✓ %s' "$title"; fi
    printf ', %s\n' "$(seconds_since "$begun")"
}

# What the log says about the failure, in words.
reason() {
    local tail
    tail="$(tac "$log" | sed '/^== /q')"
    if grep -qiE 'could not resolve|temporary failure (in name )?resol|network is unreachable|unable to connect|connection (failed|timed out|refused)|max retries exceeded|newconnectionerror|could not connect|from versions: none' <<<"$tail"; then
        printf 'no network: a package server does not answer (or lacks a package); connect this machine (or set its proxy) and try again'
    elif grep -qi 'could not get lock' <<<"$tail"; then
        printf 'another program is installing packages; try again when it is done'
    elif grep -qiE 'no space left' <<<"$tail"; then
        printf 'the disk is full'
    elif grep -qiE 'hashes are required|do not match the hashes' <<<"$tail"; then
        printf 'a Python package differs from requirements.lock; see docs/runbook.md for how the lock is made'
    elif [ -n "$missing" ]; then
        printf '%s' "$missing"
    else
        printf 'failed: %s' "$(grep -v '^== ' <<<"$tail" | sed '/^[[:space:]]*$/d' | head -n1 | cut -c1-200)"
    fi
}

# One set-up at a time, and a place for its log.
open_log() {
    [ -z "$log" ] || return 0
    mkdir -p "$cache" 2>/dev/null || fail "$cache can't be made: give it to this user or set HOTLINE_CACHE"
    exec 9>"$cache/setup.lock" || fail "$cache can't be written: give it to this user or set HOTLINE_CACHE"
    flock -n 9 || { printf '  … waiting for another set-up\n'; flock 9; }
    log="$cache/setup.log"
    : >"$log"
    printf 'Set-up (details: %s)\n' "$log"
}

finish() {
    if [ "${#undone[@]}" -gt 0 ]; then
        local all
        all="$(printf '%s; ' "${undone[@]}")"
        fail "not complete, and only root or the project's owner can complete it: ${all%; }. Run 'sudo make setup' once"
    fi
    if [ "$taken" -gt 0 ]; then
        printf 'Set-up complete, %s\n' "$(seconds_since "$started")"
    fi
}
