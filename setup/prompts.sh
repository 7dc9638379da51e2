# Prompts: texts turned into audio once, into the cache; each home gets its copy at the start.

prompts_present() {
    missing="spoken prompts (in $cache)"
    "$python" -P -m hotline.prompts --check "$cache/prompts"
}

prompts_build() {
    "$python" -P -m hotline.prompts "$cache/prompts"
}
