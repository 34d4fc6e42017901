"""Freed memory kept for the next step.

glibc returns large blocks to the system as soon as they are freed, so every training step maps its
activations anew, and the kernel clears each page again. Keeping them makes the MNIST CNN 1.4 times
as fast on 2 threads (4,200 → 6,000 images/s in float32, batch 128).
"""

from __future__ import annotations

import ctypes
import platform
from functools import cache

# Parameters of mallopt(3), from malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_NEVER = 2**31 - 1
_LARGEST = 1 << 30
_LARGEST_OLD = 32 << 20  # what glibc before 2.35 accepts
_GROW = 64 << 20


@cache
def keep_memory() -> bool:
    """Set up the C library's allocator once; False where it is not glibc's."""
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    large = libc.mallopt(_MMAP_THRESHOLD, _LARGEST) or libc.mallopt(_MMAP_THRESHOLD, _LARGEST_OLD)
    grown = libc.mallopt(_TOP_PAD, _GROW)
    return bool(large and grown and libc.mallopt(_TRIM_THRESHOLD, _NEVER))
