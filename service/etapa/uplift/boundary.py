"""How far a sum of differences may stray by chance alone, however often you look.

A sum of n independent differences of mean 0 and variance 1 stays within `boundary(n)`, at all n at once, with a probability of at least
1 - alpha: a likelihood ratio that is mixed over possible effects rarely ever grows beyond 1/alpha (J. Ville, 1939; H. Robbins,
"Statistical methods related to the law of the iterated logarithm", Annals of Mathematical Statistics 41 (1970)). For means of other
values with an estimated variance it holds asymptotically: I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy and A. Ramdas, "Time-uniform
central limit theory and asymptotic confidence sequences", Annals of Statistics 52 (2024).

Any mixture is valid. This one is quickest to find effects around a twentieth of a standard deviation, such as 2 points on 20 %. A part of it
is for smaller and larger effects, so that the interval shrinks towards the truth in every case.
"""

import math
from typing import Final

_PARTS: Final = ((0.85, 0.05, 0.01), (0.15, 0.0, 0.03))
"""For each part of the mixture: its share, its effect in standard deviations (to either side), and the spread around that."""
_STEPS: Final = 200


def boundary(number: float, alpha: float) -> float:
    """The bound on the absolute sum of `number` (more than 0) differences, found by bisection to the last digit."""
    needed = math.log(1 / alpha)
    low, high = 0.0, 1.0
    while _log_ratio(number, high) < needed:
        low, high = high, 2 * high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _log_ratio(number, middle) < needed:
            low = middle
        else:
            high = middle
    return high


def _log_ratio(number: float, total: float) -> float:
    """The logarithm of how much more likely the sum is under the mixture than with no effect."""
    logs = []
    for share, effect, spread in _PARTS:
        widened = 1 + spread**2 * number
        # Half for each sign of the effect, which makes a cosh. It would overflow where its logarithm does not.
        towards = (effect * total - effect**2 * number / 2 + spread**2 * total**2 / 2) / widened
        away = 2 * effect * total / widened
        logs.append(math.log(share / 2) - math.log(widened) / 2 + towards + math.log1p(math.exp(-away)))
    largest = max(logs)
    return largest + math.log(sum(math.exp(each - largest) for each in logs))
