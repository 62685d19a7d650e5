"""Checks that the holdout group is as large as intended. If it is not, something is wrong and the comparison means nothing.

A sequential test, which stays valid however often it is used: M. Lindon and A. Malek, "Anytime-valid inference for multinomial count data",
Advances in Neural Information Processing Systems 35 (2022). Its Bayes factor compares the intended share with any other, by a beta
distribution around the intended one, and rarely ever grows beyond 1/alpha while the share is as intended.
"""

import math
from typing import Final

ALPHA: Final = 0.01
"""The probability that a campaign whose groups are drawn correctly ever raises the alarm."""
CONCENTRATION: Final = 4_000
"""Concentration of the beta distribution: it is quickest to find shares that are about one point off."""


def probability(sent: int, held_out: int, share: float) -> float:
    """An always-valid p-value (0 to 1) of customers being drawn into the holdout group with probability `share`.

    If nobody (0) or everybody (1) should be in it, it is 0 as soon as anybody is in the wrong group.
    """
    if share <= 0 or share >= 1:
        wrong = held_out if share <= 0 else sent
        return 0.0 if wrong else 1.0
    log_factor = (
        _log_beta(CONCENTRATION * share + held_out, CONCENTRATION * (1 - share) + sent)
        - _log_beta(CONCENTRATION * share, CONCENTRATION * (1 - share))
        - held_out * math.log(share)
        - sent * math.log1p(-share)
    )
    return math.exp(min(0.0, -log_factor))


def _log_beta(one: float, other: float) -> float:
    return math.lgamma(one) + math.lgamma(other) - math.lgamma(one + other)
