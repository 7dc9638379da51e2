"""`python -m ivr.speech.tiny [--check] FOLDER`: build what the folder lacks, or tell whether it
lacks it."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ivr.speech.tiny.place import place


def main(words: Sequence[str]) -> str | int:
    """An exit code, or a sentence that means 1."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the two threads of training are enough for two cores
    folder = Path(words[-1])
    if "--check" in words:
        return 0 if place(folder).exists() else 1
    from ivr.speech.tiny import builder
    from ivr.speech.tiny.espeak import SpeechMissing
    from ivr.speech.tiny.vocabulary import BadVocabulary

    begun, told = time.monotonic(), ""

    def progress(what: str, part: float) -> None:
        nonlocal told
        line = f"{what} {part:4.0%}"
        if line != told:
            told = line
            print(f"{time.monotonic() - begun:6.1f} s  {line}", flush=True)

    try:
        print(builder.build(folder, progress))
    except SpeechMissing as error:
        return f"the speech model can't be built: {error} is missing"
    except (BadVocabulary, OSError) as error:
        return f"the speech model can't be built: {error}"
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
