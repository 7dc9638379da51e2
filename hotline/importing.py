"""Imports without the garbage collector: what they make stays as long as the process, and looking
through it again and again was a tenth of the start of an engine."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """No garbage is looked for in this block."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
