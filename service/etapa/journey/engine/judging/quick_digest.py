"""The quick way to a touchpoint's digest, in C, where it is compiled; without it `repeats.py` works it out, with the same result."""

from collections.abc import Callable

quick_digest: Callable[[str], bytes] | None
try:
    from etapa.journey.engine.judging.digesting import digest
except ImportError:
    quick_digest = None
else:
    quick_digest = digest
