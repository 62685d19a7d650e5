"""The worker with a defect: judging a touchpoint of the type `cursed` raises when it is half done.

No journey file is known to make judging raise, so testing this needs a planted defect.
`python -m tests.faults.trials.flawed_worker run` takes the arguments of `etapa run`.
"""

from dataclasses import replace

from etapa.cli import main
from etapa.commands.terminal import worker_process
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.model import Journey, Match, Rule
from tests.support.faulty import Faulty

CURSED = "cursed"
_CURSE = "the-curse"


def is_cursed(touchpoint: Touchpoint) -> bool:
    """Whether the flawed worker fails to judge it."""
    return touchpoint.type == CURSED


def flawed(journey: Journey) -> Program:
    """The journey's program with a rule before all others that raises if a touchpoint is cursed."""
    stages = [stage.id for stage in journey.stages]
    curses = [Rule(_CURSE, tuple(other for other in stages if other != to), to, Event(Match((CURSED,)))) for to in stages[:2]]
    program = compile_journey(replace(journey, rules=(*curses, *journey.rules)))
    for stage in program.stages.values():
        for rule in stage.rules:
            if rule.id == _CURSE:
                rule.condition = Faulty(rule.condition, lambda _, __, touchpoint: touchpoint is not None, ArithmeticError())
    return program


if __name__ == "__main__":
    worker_process.compile_journey = flawed  # type: ignore[attr-defined, assignment]
    main()
