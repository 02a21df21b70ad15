"""The one table of tolerances: what rounding alone may do to a right answer.

allowed = SAFETY * u * max(error), where `error` is the reference's first-order forward error
in units of the unit roundoff u (see `grader.checks.oracle`), and the maximum is taken over
the whole array: algorithms such as the FFT are stable in norm and not entry by entry.

u is the roundoff of the *coarser* of the answer's dtype and single precision: a right answer
computed in float32 is a right answer, whatever dtype it is stored in, and a conceptual
mistake is orders of magnitude larger (tests/checks/test_tolerance.py measures both sides).
"""

from __future__ import annotations

import numpy as np

# First-order bounds drop terms in u**2 and the constants of the library's exp and tanh.
# Calibrated in docs/tolerances.md: the largest observed error of right alternatives is below
# the bound without it.
SAFETY = 4.0

# Unit roundoff: half of the spacing of floats at 1 (Higham 2002, table 2.1).
UNIT_ROUNDOFF = {
    "float16": 2.0**-11,
    "bfloat16": 2.0**-8,
    "float32": 2.0**-24,
    "float64": 2.0**-53,
    "complex64": 2.0**-24,
    "complex128": 2.0**-53,
}

COARSEST_RIGHT = UNIT_ROUNDOFF["float32"]


def unit_roundoff(dtype: str, *, exact: bool = False) -> float:
    """The roundoff that an answer of `dtype` is held to.

    Half precision is held to single's: an answer that was computed in half precision is not
    accurate enough to be told from a wrong one. With `exact` a double is held to its own.
    """
    own = UNIT_ROUNDOFF.get(dtype, UNIT_ROUNDOFF["float64"])
    return min(own, COARSEST_RIGHT) if exact else COARSEST_RIGHT


def allowed_error(error: np.ndarray, dtype: str, *, exact: bool = False) -> float:
    """The largest |actual - expected| that rounding explains, for a whole array."""
    finite = error[np.isfinite(error)]
    largest = float(finite.max(initial=0.0))
    return SAFETY * unit_roundoff(dtype, exact=exact) * largest
