"""Who is on the ideal way: counted change by change as workers do, and from whole ways as maps of files do."""

from itertools import pairwise, product

from etapa.journey.engine.judging.ideal_way import BEFORE, ON, CompiledWay
from etapa.journey.map.ways import Ways

IDEAL = ("a", "b", "c")
STAGES = ("new", "odd", *IDEAL)


def test_every_way_of_up_to_four_stages_is_judged_as_on_a_map_of_files() -> None:
    on_way = 0
    for length in (1, 2, 3, 4):
        for stages in product(STAGES, repeat=length):
            if any(source == to for source, to in pairwise(stages)):
                continue
            compiled, whole = CompiledWay(IDEAL), Ways(IDEAL, STAGES)
            way = BEFORE
            for at, (source, to) in enumerate(pairwise((None, *stages))):
                assert to is not None
                way = compiled.after(way, source, to)
                whole.moved("a customer", source, to, at, None, None)
            assert (way == ON) == (whole.figures().on_way == 1), stages
            on_way += way == ON
    # Each beginning of the ideal way, by itself and after either of the stages that are not on it.
    assert on_way == 9
