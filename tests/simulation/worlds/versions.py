"""Two versions of the simulated journey at work side by side, as during the rollout of the newer one."""

from dataclasses import replace

from etapa.journey.engine.judging.program import Program
from tests.simulation.checking.checker import Expectations
from tests.simulation.worlds.scenario import JOURNEY, PROGRAM, exploding_program
from tests.simulation.worlds.world import World

NEWER = (
    ("version: 1", "version: 2"),
    # Judges what the older one remembers by another bound, and needs what the older one never recorded.
    ("{count: purchase, within: 25s, gte: 3}, {absent: complaint, for: 8s}", "{count: purchase, within: 25s, gte: 2}"),
    ("{count: view, within: 12s, gte: 2}", "{sequence: [{event: view}, {event: purchase}], within: 40s}"),
    ("{absent: purchase, for: 15s}", "{idle: 12s}"),
    # One stage goes, another comes.
    ("- {id: loyal}", "- {id: fond}"),
    ("loyal]", "fond]"),
    ("to: loyal", "to: fond"),
    ("[loyal, gone]", "[fond, gone]"),
    ("cooldown: 6s", "cooldown: 2s"),
    ("goal: {enter: loyal", "goal: {enter: fond"),
)


def without_goals(text: str) -> str:
    """The journey with the timers of its rules alone."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("goal:"))


def newer_text() -> str:
    """Version 2."""
    text = JOURNEY.read_text()
    for before, after in NEWER:
        assert before in text, before
        text = text.replace(before, after)
    return text


VERSIONS = {1: PROGRAM, 2: exploding_program(newer_text())}
VERSIONS_WITHOUT_GOALS = {1: exploding_program(without_goals(JOURNEY.read_text())), 2: exploding_program(without_goals(newer_text()))}


class RollingWorld(World):
    """Every worker starts with one version or the other."""

    def next_program(self) -> Program:
        return VERSIONS[self.random.choice((1, 2))]

    def expectations(self) -> Expectations:
        return replace(super().expectations(), on_time=False, versions=VERSIONS)
