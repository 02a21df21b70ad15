"""Large pages for the zygote's memory: what a fork costs is mostly the entries of page tables.

Each job, and each copy of a kernel that serves checks, is a fork of a process with some 300 MiB
of its own. In pages of 4 KiB that is 80,000 entries, to be copied at the fork and dropped at
the end; in pages of 2 MiB it is a few hundred. `GLIBC_TUNABLES` (see `spec`) asks for them for the
heap of the C library; Python's own comes in pieces of 1 MiB.
"""

from __future__ import annotations

import ctypes
import re
import sys

from grader.sandbox.tiers import system

_LARGE = 2 << 20
_MADV_COLLAPSE = 25
# The heap and what has no file behind it, readable and writable.
_MAPPING = re.compile(r"(\w+)-(\w+) rw-p \w+ [\d:a-f]+ 0\s*(\[heap\])?\n")


def collapse() -> None:
    """Gather this process's memory in large pages (madvise(2), MADV_COLLAPSE).

    Where the system has none (before Linux 6.1, or switched off) nothing changes: it saves
    time and has no other effect.
    """
    if sys.platform != "linux":
        return
    with open("/proc/self/maps", encoding="ascii") as file:
        found = [_MAPPING.fullmatch(line) for line in file]
    advise = system.libc().madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for start, end in ((int(m[1], 16), int(m[2], 16)) for m in found if m):
        first, last = -(-start // _LARGE) * _LARGE, end // _LARGE * _LARGE
        if first < last:
            advise(first, last - first, _MADV_COLLAPSE)
