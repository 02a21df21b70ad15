"""When Python looks for circular garbage: between submissions, and not while one is graded.

Meanwhile it would go again and again through all that was imported and drawn. What is still there
when the second submission comes stays for good, and is looked at no more.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator
from contextlib import contextmanager

_submissions = itertools.count()


@contextmanager
def at_rest() -> Iterator[None]:
    """Keep the collector still, after it has cleared away what submissions before have left."""
    number, was_enabled = next(_submissions), gc.isenabled()
    if number:  # what is over after one submission need not be tidied up
        gc.collect()
    if number == 1:
        gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
