"""The worker on a machine whose wall clock is wrong by `SKEW_SECONDS` (in the environment): negative when it is slow.

`python -m tests.integration.skewed_worker run` takes the arguments of `etapa run`.
"""

import os
import time

_SKEW = int(os.environ["SKEW_SECONDS"])
_true_time, _true_time_ns = time.time, time.time_ns


def _time() -> float:
    return _true_time() + _SKEW


def _time_ns() -> int:
    return _true_time_ns() + _SKEW * 1_000_000_000


# Before any other module imports them from there.
time.time, time.time_ns = _time, _time_ns

from etapa.cli import main  # noqa: E402 - it must find the clock as it is here

if __name__ == "__main__":
    main()
