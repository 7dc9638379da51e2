# Prompts: texts turned into audio once, into the cache; each home gets its copy at the start.

prompts_present() {
    missing="spoken prompts (in $cache)"
    "$python" -P -m ivr.prompt_builder --check "$cache/prompts" 2>/dev/null
}

prompts_build() {
    "$python" -P -m ivr.prompt_builder "$cache/prompts"
}
