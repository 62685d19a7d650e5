"""Which stages stand out."""

from etapa.journey.map.document import Extreme, Flow, FlowKind, MapFeeling, MapOnward, MapStageColumn, MapStay
from etapa.journey.map.extremes import extremes_of

DAY = 86_400.0


def _stage(name: str, stay: float = 3 * DAY, promised: float | None = 3 * DAY, level: float = 0.8, answers: int = 100) -> MapStageColumn:
    return MapStageColumn(
        *(name, {}, None, True, {}, [], 10, 0.1, [], 100, 100, 0, None, [], []),
        MapFeeling(answers, 4.0, level, level - 0.02, level + 0.02),
        [],
        MapStay(100, stay, stay, promised, []),
        MapOnward("next", 50, 0.5, None),
    )


def _flow(source: str, kind: FlowKind, count: int) -> Flow:
    return Flow(source, "x", kind, count, 0.0, None, None, {}, [], [])


def _worst(stages: list[MapStageColumn], flows: list[Flow]) -> list[tuple[str, str]]:
    return [(each.measure, each.stage) for each in extremes_of(stages, flows) if each.side == "worst"]


def test_a_stay_is_measured_by_what_is_promised() -> None:
    found = extremes_of([_stage("a", stay=9 * DAY), _stage("b", stay=90 * DAY, promised=90 * DAY), _stage("c", stay=DAY)], [])
    assert found == [
        Extreme("worst", "stay", "a", 9 * DAY, 3 * DAY, promised=True),
        Extreme("best", "stay", "c", DAY, 3 * DAY, promised=True),
    ]


def test_without_a_promise_no_stay_is_too_long() -> None:
    assert extremes_of([_stage("a", stay=900 * DAY, promised=None)], []) == []


def test_a_stage_from_which_more_turn_back_than_from_others_stands_out() -> None:
    flows = [_flow("a", "ideal", 50), _flow("a", "back", 50), *(_flow("b", "ideal", 95), _flow("b", "aside", 5))]
    assert _worst([_stage("a"), _stage("b")], flows) == [("drop_off", "a")]


def test_chance_does_not_stand_out() -> None:
    flows = [_flow("a", "ideal", 14), _flow("a", "back", 6), *(_flow("b", "ideal", 85), _flow("b", "back", 15))]
    assert _worst([_stage("a"), _stage("b")], flows) == []


def test_where_nobody_can_turn_back_is_not_judged_by_it() -> None:
    flows = [_flow("a", "ideal", 100), _flow("b", "ideal", 60), _flow("b", "back", 40)]
    assert extremes_of([_stage("a"), _stage("b")], flows) == []


def test_feeling_is_compared_with_the_other_stages() -> None:
    assert _worst([_stage("a", level=0.4), _stage("b"), _stage("c")], []) == [("feeling", "a")]


def test_a_guess_of_feeling_does_not_stand_out() -> None:
    guess = replace_feeling(_stage("a"), MapFeeling(3, 1.0, 0.0, None, None))
    assert extremes_of([guess, _stage("b"), _stage("c")], []) == []


def replace_feeling(stage: MapStageColumn, feeling: MapFeeling) -> MapStageColumn:
    fields = {name: getattr(stage, name) for name in stage.__struct_fields__}
    return MapStageColumn(**{**fields, "feeling": feeling})
