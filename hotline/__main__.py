"""`python -m hotline` is the `hotline` command."""

import sys

from hotline.cli import main

if __name__ == "__main__":  # a process that makes tickets for a bench imports us
    sys.exit(main())
