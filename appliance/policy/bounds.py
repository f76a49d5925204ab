"""Exact bounds of a share: how many of all drafts would be edited, when x of n were (Clopper and Pearson, 1934).

For example 210 edited of 500 are 42 %; at 95 % confidence the true share lies between 37.6 % and 46.5 %.  Pure
arithmetic without a numeric library: the regularised incomplete beta function by its continued fraction, inverted by
bisection.  Each bound is returned from the outer end of the last interval, so rounding never narrows it.
"""

import math
from collections.abc import Callable
from functools import lru_cache

BISECTIONS = 50
"""Halvings of the interval from 0 to 1: an error under 1e-15, below what the fraction itself gives."""

MAX_TERMS = 20_000
"""The fraction needs about the square root of the number of cases; a million cases converge within 2,000 terms."""

_PRECISION = 1e-15
_TINY = 1e-300

REMEMBERED = 512
"""Bounds are asked for each request and change only with the bundle; a hospital has a few dozen rows."""


@lru_cache(maxsize=REMEMBERED)
def bounds(*, cases: int, edited: int, confidence: float) -> tuple[float, float]:
    """Return the lower and the upper bound of the share at two-sided confidence; nothing is known of no cases."""
    tail = (1 - confidence) / 2
    lower, upper = 0.0, 1.0
    if edited > 0:
        lower = _invert(lambda share: _beta(edited, cases - edited + 1, share), tail)[0]
    if edited < cases:
        upper = _invert(lambda share: _beta(edited + 1, cases - edited, share), 1 - tail)[1]
    return lower, upper


def _invert(rising: Callable[[float], float], target: float) -> tuple[float, float]:
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if rising(middle) < target:
            low = middle
        else:
            high = middle
    return low, high


def _beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b) for 0 < x < 1 (NIST DLMF 8.17.22)."""
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    front = math.exp(log_front)
    # The fraction converges fast on one side of the mean only; the other side is its mirror image.
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """Evaluate the continued fraction from the front (Lentz's method, DLMF 3.10(iii))."""
    c, d = 1.0, _reciprocal(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = _reciprocal(1 + term * d)
            c = _nonzero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _PRECISION:
            return value
    message = "the continued fraction did not converge"
    raise RuntimeError(message)


def _reciprocal(value: float) -> float:
    return 1 / _nonzero(value)


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
