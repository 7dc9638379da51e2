# The tiny speech model of tests and demonstration, built once from synthesised speech into the
# cache. Installations set the path of a published one (docs/speech.md).

speech_present() {
    missing="the demonstration's speech model (in $cache)"
    "$python" -P -m ivr.speech.tiny --check "$cache/speech"
}

speech_build() {
    "$python" -P -m ivr.speech.tiny "$cache/speech"
}
