"""Large pages for the zygote's memory: what a fork costs is mostly the entries of page tables.

Each job, and each copy of a kernel that serves checks, is a fork of a process with some 300 MiB
of its own. In pages of 4 KiB that is 80,000 entries, to be copied at the fork and dropped at
the end; in pages of 2 MiB it is a few hundred.
"""

from __future__ import annotations

import ctypes
import re
import sys

from grader.sandbox.tiers import system

#: What makes the C library's heap of large pages from the start, where the system has them.
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}

_LARGE = 2 << 20
_MADV_COLLAPSE = 25
# The heap and what has no file behind it, readable and writable.
_MAPPING = re.compile(r"(\w+)-(\w+) rw-p \w+ [\d:a-f]+ 0\s*(\[heap\])?\n")


def collapse() -> int:
    """Gather this process's memory in large pages (madvise(2), MADV_COLLAPSE); how many.

    Where the system has none (before Linux 6.1, or switched off) nothing changes: it saves
    time and has no other effect.
    """
    if sys.platform != "linux":
        return 0
    with open("/proc/self/maps", encoding="ascii") as file:
        found = [_MAPPING.fullmatch(line) for line in file]
    ranges = [(int(m[1], 16), int(m[2], 16)) for m in found if m]
    advise = system.libc().madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    pages = (
        page
        for start, end in ranges
        for page in range(-(-start // _LARGE) * _LARGE, end - _LARGE + 1, _LARGE)
    )
    return sum(advise(page, _LARGE, _MADV_COLLAPSE) == 0 for page in pages)
