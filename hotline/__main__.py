"""`python -m hotline` is the `hotline` command."""

import signal
import sys

if __name__ == "__main__":  # a process that makes tickets for a bench imports us
    # Ctrl-C before we can say it in a sentence: the process just ends, without a traceback.
    asked = signal.getsignal(signal.SIGINT)
    if asked is signal.default_int_handler:  # else somebody wants it ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from hotline.cli import main

    signal.signal(signal.SIGINT, asked)
    sys.exit(main())
