"""Which properties a journey reads is known beforehand: all that its compiled program reads, and no others."""

import gc
from collections.abc import Iterator
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType

import pytest

from etapa.journey.engine.accumulators.matching import _Deep, _Property
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.load import journey_or_raise, load_journey
from etapa.journey.language.properties_read import properties_read

ROOT = Path(__file__).parents[3]
FOLDERS = ("service/etapa/journeys", "docs/examples", "tests/simulation/worlds", "tests/unit/cases", "tests/integration/workers")
FILES = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.yaml"))
HEAD = "journey: a\nversion: 1\nstages: [{id: s}, {id: t}]\nrules:\n  - {id: r, to: t, when: "


def _objects_of(program: Program) -> Iterator[object]:
    seen: dict[int, object] = {}
    left: list[object] = [program]
    while left:
        one = left.pop()
        if id(one) not in seen and not isinstance(one, type | ModuleType | FunctionType | BuiltinFunctionType):
            seen[id(one)] = one
            left += gc.get_referents(one)
            yield one


def read_by(program: Program) -> set[str]:
    """The names in everything that looks a property up."""
    objects = list(_objects_of(program))
    flat = {one.key for one in objects if isinstance(one, _Property)}
    return flat | {one.keys[0] for one in objects if isinstance(one, _Deep) and one.head == "properties"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_they_are_those_that_the_program_reads(file: Path) -> None:
    journey = load_journey(file.read_text("utf-8"), file.name).journey
    if journey is not None:
        assert properties_read(journey) == tuple(sorted(read_by(compile_journey(journey))))


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("{event: x}", ()),
        ("{event: x, where: {channel: web}}", ()),
        ("{event: x, where: {properties.b: {gte: 1}, properties.a: 2}}", ("a", "b")),
        ("{sum: properties.a.deep, of: x, within: 1d, gte: 1}", ("a",)),
        ("{not: {any: [{last: properties.a, of: x, eq: 1}, {idle: 1d}]}}", ("a",)),
        ('{sum: "properties.lines[].price", of: x, within: 1d, gte: 1}', ("lines",)),
        ("{sequence: [{event: x, where: {properties.a: 1}}, {event: y, where: {properties.b: 1}}], within: 1d}", ("a", "b")),
        ("{trait: a, eq: 1}", ()),
    ],
)
def test_a_property_counts_wherever_its_path_stands(condition: str, names: tuple[str, ...]) -> None:
    journey = journey_or_raise(f"{HEAD}{condition}}}\n", "a.yaml")
    assert properties_read(journey) == names
    assert read_by(compile_journey(journey)) == set(names)
