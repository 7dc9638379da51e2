# Prompts: texts turned into audio once, into the cache; each home gets its copy at the start.

prompts_present() {
    missing="spoken prompts (in $cache)"
    HOTLINE_CONFIG='' HOTLINE_CACHE="$cache" "$venv/bin/hotline" prompts --check
}

prompts_build() {
    HOTLINE_CONFIG='' HOTLINE_CACHE="$cache" "$venv/bin/hotline" prompts
}
