"""Hypothesis strategies: random journeys, and random touchpoints with ties, late ones and duplicates."""

import os
from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language import model
from etapa.journey.language.kinds.absence import Absent, OwnPace, Pace
from etapa.journey.language.kinds.aggregate import Aggregate
from etapa.journey.language.kinds.clock import Hours, Times
from etapa.journey.language.kinds.count import Count
from etapa.journey.language.kinds.days import Days
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.kinds.first import First
from etapa.journey.language.kinds.in_stage import InStage
from etapa.journey.language.kinds.score import Score
from etapa.journey.language.kinds.sequence import Sequence
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.matching.windows import UNITS
from etapa.journey.units import HOUR

GRACE = 5 * HOUR
TYPES = ("a", "b", "c")
STAGES = ("one", "two", "three", "four")

EXAMPLES = int(os.environ.get("ETAPA_EXAMPLES", "60"))
"""How many random journeys each law is tried on."""
thorough = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

# Few hours, so that windows and touchpoints often end at the very same microsecond, and some just miss it.
durations = st.one_of(st.integers(1, 12).map(lambda hours: hours * HOUR), st.sampled_from([1, HOUR - 1, 3 * HOUR + 1, 40 * HOUR]))
times = st.one_of(st.integers(0, 48).map(lambda hours: hours * HOUR), st.integers(0, 48).map(lambda hours: hours * HOUR + 1))
numbers = st.one_of(st.integers(-3, 6), st.sampled_from([0.1, 0.2, 0.3, 2.5, 1e16, -1e16]))
values = st.one_of(
    numbers,
    st.sampled_from(["x", "y", True, False, None, "2", " 2.5 ", "1e0", "+1", "true", "false"]),
    st.sampled_from(["1970-01-01", "1970-01-02", "1970-01-01T20:00:00-04:00", "1970-01-02T05:45:00.5Z"]),
)
scalars: st.SearchStrategy[model.Scalar] = st.one_of(st.integers(-1, 6), st.sampled_from([0.3, 2.5, "x", True]))


def _comparisons(operators: tuple[model.Operator, ...], operands: st.SearchStrategy[model.Scalar]) -> st.SearchStrategy[model.Comparison]:
    # Made once: Hypothesis would analyse a new strategy for each example, which takes longer than drawing from it.
    chosen = st.lists(st.sampled_from(operators), min_size=1, max_size=2, unique=True)
    several = st.lists(operands, min_size=1, max_size=3).map(tuple)
    flags = st.booleans()

    @st.composite
    def made(draw: st.DrawFn) -> model.Comparison:
        return model.Comparison(
            tuple(
                model.Test(operator, draw(several if operator in ("in", "not_in") else flags if operator == "exists" else operands))
                for operator in draw(chosen)
            )
        )

    return made()


spans = st.sampled_from([1, 2 * HOUR, 5 * HOUR, 40 * HOUR])
"""Durations of cooldowns and caps."""
dates: st.SearchStrategy[model.Scalar] = st.sampled_from(
    ["1970-01-01", "1970-01-02", "1970-01-02T00:00:00Z", "1970-01-02T04:00:00Z", "1970-01-01T23:59:59.999999-12:00"]
)
counting = _comparisons(("eq", "ne", "gt", "gte", "lt", "lte"), st.integers(0, 4))
measuring = _comparisons(("eq", "ne", "gt", "gte", "lt", "lte"), st.sampled_from([-2, 0, 0.3, 1, 2.5, 4, 7]))
looking = _comparisons(("eq", "ne", "in", "not_in", "exists", "gt", "lte"), scalars)
measuring_dates = _comparisons(("eq", "ne", "gt", "gte", "lt", "lte", "exists"), dates)
_read_as: dict[model.Conversion, st.SearchStrategy[model.Comparison]] = {
    "number": _comparisons(("eq", "ne", "in", "not_in", "exists", "gt", "lte"), st.sampled_from([0, 1, 2, 2.5])),
    "boolean": _comparisons(("eq", "ne", "in", "exists"), st.booleans()),
    "date": _comparisons(("eq", "ne", "in", "not_in", "exists", "gt", "lte"), dates),
}


def _of(conversion: model.Conversion) -> st.SearchStrategy[model.Comparison]:
    return _read_as[conversion].map(lambda comparison: model.Comparison(comparison.tests, conversion))


converting = st.one_of(_of("number"), _of("boolean"), _of("date"))
plain = looking
looking = st.one_of(looking, looking, converting)
elements = st.builds(
    model.Elements,
    st.sampled_from(["any", "all", "none"]),
    st.one_of(looking, st.tuples(st.tuples(st.just(("v",)), looking)).map(model.Where)),
)
of_elements = elements.map(lambda each: model.Comparison((), None, (each,)))
listing = st.one_of(looking, of_elements)
# No score of whole points is ever exactly at such a bound, so rounding decides nothing.
scoring = _comparisons(("gt", "gte", "lt", "lte"), st.sampled_from([-1.37, 0.71, 2.13, 4.57]))
paths = st.sampled_from([("properties", "v"), ("channel",), ("type",), ("properties", "deep", "v"), ("traits", "t")])
wheres = st.one_of(st.just(model.EVERYWHERE), st.tuples(st.tuples(paths, looking)).map(model.Where))
type_lists = st.one_of(
    st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True).map(lambda kinds: tuple(sorted(kinds))),
    st.just((model.ANY_TYPE,)),
)
matches = st.builds(model.Match, type_lists, wheres)
calendars = st.builds(model.Calendar, st.sampled_from(UNITS), st.booleans())
windows = st.one_of(
    st.just(model.EVER),
    durations.map(model.Window),
    durations.map(lambda before: model.Window(before=before)),
    st.tuples(durations, durations).map(lambda two: model.Window(two[0] + two[1], two[1])),
    calendars.map(lambda calendar: model.Window(calendar=calendar)),
)
points = st.dictionaries(st.sampled_from(TYPES), st.sampled_from([-2.0, 1.0, 3.0, 5.0]), min_size=1).map(lambda found: tuple(found.items()))

weighted_matches = st.builds(model.Match, st.just((model.ANY_TYPE,)) | st.just(("a", "b")), wheres)
element_paths = st.sampled_from([("properties", "items", "[]", "v"), ("properties", "items", "[]")])


def with_weights(leaf: Any) -> st.SearchStrategy[Any]:
    """For a condition whose touchpoints may have different weights."""
    named = dict.fromkeys((*leaf.match.types, "a"), st.sampled_from([-2, -1, 1, 0.5, 3]))
    return st.fixed_dictionaries(named).map(lambda found: replace(leaf, weights=tuple(sorted(found.items()))))


paces = st.builds(
    lambda gaps, least, more: Pace(Fraction(gaps), least, None if more is None else least + more),
    st.sampled_from(["1", "1.5", "0.1", "7/3"]),
    durations,
    st.none() | durations,
)

leaves: st.SearchStrategy[model.Condition] = st.one_of(
    st.builds(Event, matches),
    st.builds(Event, st.builds(model.Match, type_lists)),
    st.builds(Event, matches, durations),
    st.builds(First, paths, matches, looking),
    st.builds(OwnPace, matches, paces),
    st.builds(Count, matches, windows, counting),
    st.builds(Days, matches, windows, counting),
    st.builds(Absent, matches, durations),
    # Two rules that chase each other every microsecond would take forever; every hour is enough.
    st.builds(InStage, st.sampled_from([HOUR, 2 * HOUR, 7 * HOUR + 1, 20 * HOUR])),
    st.builds(Absent, st.builds(model.Match, type_lists), durations),
    st.builds(Trait, st.just("t"), listing),
    st.builds(First, st.just(("properties", "items")), matches, of_elements),
    st.builds(Aggregate, st.just("last"), st.just(("properties", "items")), matches, windows, of_elements),
    st.builds(
        Event,
        st.builds(model.Match, type_lists, st.tuples(st.tuples(st.just(("properties", "items")), of_elements)).map(model.Where)),
    ),
    st.builds(Aggregate, st.sampled_from(["sum", "avg", "min", "max"]), st.just(("properties", "v")), matches, windows, measuring),
    st.builds(
        Aggregate,
        st.sampled_from(["sum", "avg", "min", "max"]),
        st.just(("properties", "v")),
        matches,
        windows,
        measuring,
        st.just("number"),
    ),
    st.builds(
        Aggregate,
        st.sampled_from(["min", "max"]),
        st.just(("properties", "v")),
        matches,
        windows,
        measuring_dates.map(lambda comparison: model.Comparison(comparison.tests, "date")),
        st.just("date"),
    ),
    st.builds(Count, weighted_matches, windows, measuring).flatmap(with_weights),
    st.builds(Aggregate, st.just("sum"), element_paths, weighted_matches, windows, measuring).flatmap(with_weights),
    st.builds(
        Aggregate,
        st.sampled_from(["sum", "avg", "min", "max"]),
        element_paths,
        matches,
        windows,
        measuring,
        st.sampled_from([None, "number"]),
    ),
    st.builds(Aggregate, st.just("distinct"), element_paths, matches, windows, counting, st.sampled_from([None, "number"])),
    st.builds(
        Aggregate, st.just("distinct"), paths, matches, windows, counting, st.sampled_from([None, None, "number", "boolean", "date"])
    ),
    st.builds(
        lambda path, match, within, comparison: Aggregate("last", path, match, within, comparison, comparison.conversion),
        paths,
        matches,
        windows,
        looking,
    ),
    st.builds(Sequence, st.lists(matches, min_size=2, max_size=3).map(tuple), durations),
    st.builds(Score, points, st.sampled_from([HOUR + 7, 5 * HOUR + 11]), scoring),
)
conditions: st.SearchStrategy[model.Condition] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda some: model.All(tuple(some))),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: model.AnyOf(tuple(some))),
        inner.map(model.Not),
    ),
    max_leaves=4,
)


items = st.one_of(values, st.fixed_dictionaries({"v": values}))
places = st.sampled_from(["Pacific/Auckland", "Asia/Kathmandu", "Nowhere", 5])
zones = st.sampled_from(
    [model.CustomerZone(), model.CustomerZone(), model.CustomerZone(None, "Asia/Kathmandu"), model.CustomerZone("zone", "America/La_Paz")]
)


def journeys(most_rules: int = 6) -> st.SearchStrategy[model.Journey]:
    return st.builds(replace, journeys_at_utc(most_rules), zone=zones, remember_for=st.none() | spans)


@st.composite
def journeys_at_utc(draw: st.DrawFn, most_rules: int = 6) -> model.Journey:
    stages = STAGES[: draw(st.integers(2, 4))]
    rules = tuple(
        model.Rule(
            f"rule-{number}",
            draw(st.one_of(st.just(stages), st.sampled_from(stages).map(lambda stage: (stage,)))),
            draw(st.sampled_from(stages)),
            draw(conditions),
        )
        for number in range(draw(st.integers(2, most_rules)))
    )
    described = tuple(model.Stage(stage, None, {}) for stage in stages)
    initial, remember_ids = draw(st.sampled_from(stages)), draw(st.sampled_from([0, 3, 64]))
    if draw(st.booleans()):
        return model.Journey("made-up", 1, initial, remember_ids, GRACE, described, rules)
    return model.Journey(
        "made-up",
        1,
        initial,
        remember_ids,
        GRACE,
        described,
        rules,
        draw(st.none() | st.builds(Trait, st.just("t"), looking)),
        draw(st.none() | st.builds(model.Caps, st.integers(1, 3), spans)),
        tuple(draw(st.lists(campaigns(stages), min_size=1, max_size=4, unique_by=lambda campaign: campaign.id))),
    )


@st.composite
def restless_journeys(draw: st.DrawFn) -> model.Journey:
    """Journeys in which nearly every touchpoint moves the customer, and several campaigns respond."""
    stages = STAGES[:3]

    def on(kind: str, source: str, to: str) -> model.Rule:
        return model.Rule(f"{kind}-{source}", (source,), to, Event(model.Match((kind,))))

    rules = [on(kind, source, to) for kind, order in (("a", "012"), ("b", "021")) for source, to in _round(stages, order)]
    rules += [model.Rule("rests", (stages[1], stages[2]), stages[0], Absent(model.Match(("a", "b")), 9 * HOUR))]
    described = tuple(model.Stage(stage, None, {}) for stage in stages)
    return model.Journey(
        "restless",
        1,
        stages[0],
        0,
        GRACE,
        described,
        tuple(rules),
        draw(st.none() | st.builds(Trait, st.just("t"), looking)),
        draw(st.none() | st.builds(model.Caps, st.integers(1, 3), spans)),
        tuple(draw(st.lists(campaigns(stages), min_size=2, max_size=4, unique_by=lambda campaign: campaign.id))),
    )


@st.composite
def revolving_journeys(draw: st.DrawFn) -> model.Journey:
    """Journeys in which time alone brings customers back to the first stage again and again, out of which lead all other rules."""
    stages = STAGES[:3]
    rules = [
        model.Rule(f"leaves-{number}", stages[:1], draw(st.sampled_from(stages[1:])), draw(conditions))
        for number in range(draw(st.integers(3, 8)))
    ]
    # So that it mostly leaves at once, for the other stage than it comes from.
    never_comes = model.Not(Event(model.Match(("none",))))
    rules += [model.Rule(f"else-{stage}", stages[:1], stage, never_comes) for stage in draw(st.sampled_from([stages[1:], stages[1:2], ()]))]
    rules += [model.Rule(f"returns-{stage}", (stage,), stages[0], InStage(draw(st.sampled_from([HOUR, 7 * HOUR])))) for stage in stages[1:]]
    described = tuple(model.Stage(stage, None, {}) for stage in stages)
    return model.Journey("revolving", 1, draw(st.sampled_from(stages)), 64, GRACE, described, tuple(rules), zone=draw(zones))


def _round(stages: tuple[str, ...], order: str) -> list[tuple[str, str]]:
    places = [int(place) for place in order]
    return [(stages[place], stages[following]) for place, following in zip(places, [*places[1:], places[0]], strict=True)]


quiet_times = st.sampled_from(
    [
        Times(None, Hours(21 * HOUR, 8 * HOUR)),
        Times(None, Hours(HOUR, 23 * HOUR)),
        Times(None, Hours(12 * HOUR, 13 * HOUR)),
        # The first day of the epoch is a Thursday.
        Times((3, 5), None),
        Times((3, 4), Hours(6 * HOUR, 24 * HOUR)),
    ]
)


worths = st.builds(
    model.GoalValue,
    path=st.sampled_from([("properties", "v"), ("properties", "items", model.ELEMENTS, "v")]),
    match=st.just(model.Match((model.ANY_TYPE,))) | matches,
    conversion=st.sampled_from([None, None, "number"]),
    weights=st.none() | st.just((("*", 1.5), ("a", -2))),
)


def goals(stages: tuple[str, ...]) -> st.SearchStrategy[model.Goal]:
    """Goals that stages or conditions meet, in time or too late."""
    within = st.sampled_from([1, HOUR, 5 * HOUR, 9 * HOUR, 40 * HOUR])
    entering = st.lists(st.sampled_from(stages), min_size=1, max_size=2, unique=True).map(tuple)
    return st.one_of(
        st.builds(model.Goal, within, enter=entering, value=st.none() | worths),
        st.builds(model.Goal, within, when=conditions, value=st.none() | worths),
    )


def campaigns(stages: tuple[str, ...]) -> st.SearchStrategy[model.Campaign]:
    """Campaigns on a few stages: most of them fit many changes, so that what holds them back matters."""
    some = st.lists(st.sampled_from(stages), min_size=1, max_size=3, unique=True).map(tuple)
    moves = st.one_of(
        st.builds(model.Transition, st.none(), some), st.builds(model.Transition, some, st.none()), st.builds(model.Transition, some, some)
    )
    return st.builds(
        model.Campaign,
        id=st.sampled_from(["hello", "thanks", "miss-you", "more"]),
        on=st.lists(moves, min_size=1, max_size=2).map(tuple),
        when=st.one_of(st.none(), st.none(), st.none(), conditions),
        cooldown=st.one_of(st.none(), spans),
        once=st.sampled_from([False, False, True]),
        holdout=st.sampled_from([0.0, 0.0, 0.5, 1.0]),
        quiet=st.one_of(st.none(), st.builds(model.Quiet, quiet_times, st.booleans())),
        goal=st.none() | goals(stages),
        payload=st.none() | st.just({"template": "x"}),
    )


@st.composite
def touchpoints(draw: st.DrawFn, customers: tuple[str, ...] = ("c",), most: int = 14) -> list[Touchpoint]:
    """In order of arrival, which is not the order of time; some are sent again unchanged, at once or later."""
    made: list[Touchpoint] = []
    for number in range(draw(st.integers(3, most))):
        if made and draw(st.integers(0, 7)) == 0:
            made.append(draw(st.sampled_from(made)))
            continue
        made.append(
            Touchpoint(
                f"e-{number}",
                draw(st.sampled_from(customers)),
                draw(st.sampled_from(TYPES)),
                draw(times),
                draw(st.sampled_from(["web", "x", None])),
                draw(
                    st.one_of(
                        st.just({}),
                        st.fixed_dictionaries({"v": values}),
                        st.fixed_dictionaries({"items": st.lists(items, max_size=3) | values}),
                        st.fixed_dictionaries({"deep": st.fixed_dictionaries({"v": values})}),
                    )
                ),
                draw(
                    st.one_of(
                        st.just({}),
                        st.fixed_dictionaries({"t": values}),
                        st.fixed_dictionaries({"t": st.lists(items, max_size=3)}),
                        st.fixed_dictionaries({"t": values, "zone": places}),
                    )
                ),
            )
        )
    return made if draw(st.booleans()) else sorted(made, key=lambda each: each.at)


@st.composite
def punctual_touchpoints(draw: st.DrawFn, customers: tuple[str, ...]) -> list[Touchpoint]:
    """As above, but none is later than an earlier arrival by more than the grace."""
    made = sorted(draw(touchpoints(customers)), key=lambda each: each.at)
    delays = draw(st.lists(st.integers(0, GRACE), min_size=len(made), max_size=len(made)))
    order = sorted(range(len(made)), key=lambda place: made[place].at + delays[place])
    return [made[place] for place in order]
