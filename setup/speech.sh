# The tiny speech model of tests and demonstration, built once from synthesised speech into the
# cache. Installations set the path of a published one (docs/speech.md).

speech_present() {
    missing="the demonstration's speech model (in $cache)"
    "$python" -P -m ivr.speech.tiny --check "$cache/speech"
}

# Training makes and drops large arrays all the time: their memory is kept, not given back and
# cleared anew each time (a tenth of its time).
speech_build() {
    MALLOC_TRIM_THRESHOLD_=1000000000 MALLOC_MMAP_THRESHOLD_=33554432 \
        "$python" -P -m ivr.speech.tiny "$cache/speech"
}
