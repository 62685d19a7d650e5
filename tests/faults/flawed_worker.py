"""The worker with a defect: judging a touchpoint of the type `cursed` raises, when half of it is done already.

Nothing that a journey file can say is known to raise, so that this is tried at all needs a defect made on purpose.
`python -m tests.faults.flawed_worker run` takes what `etapa run` takes.
"""

from typing import Any

from etapa.cli import main
from etapa.journey.engine import partition
from etapa.journey.engine.classify import touch
from etapa.journey.engine.touchpoint import Touchpoint

CURSED = "cursed"


def is_cursed(touchpoint: Touchpoint) -> bool:
    """Whether the flawed worker cannot judge it."""
    return touchpoint.type == CURSED


def _flawed(program: Any, customer: Any, touchpoint: Touchpoint) -> Any:
    touched = touch(program, customer, touchpoint)
    if is_cursed(touchpoint):
        raise partition.EvaluationFailed(touchpoint.customer_id, "its curse", ArithmeticError())
    return touched


if __name__ == "__main__":
    partition.touch = _flawed  # type: ignore[attr-defined]
    main()
