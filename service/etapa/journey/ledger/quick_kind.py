"""The quick kind of sums, in C, where it is compiled; without it there are only plain ones, with the same results."""

from typing import Any

quick_sums: type[Any] | None
try:
    from etapa.journey.ledger.quick_sums import QuickSums
except ImportError:
    quick_sums = None
else:
    quick_sums = QuickSums
