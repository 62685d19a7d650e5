"""What a journey file says about people and places: read completely, and reported where it cannot be meant."""

import pytest

from etapa.journey.language.design.parts import Channel, Feeling, Phase, Point, Promise
from etapa.journey.language.load import journey_or_raise, load_journey
from etapa.journey.units import DAY

BARE = """
journey: shop
version: 1
stages: [{id: a}, {id: b}, {id: c}]
rules:
  - {id: on, from: a, to: b, when: {event: visit}}
  - {id: further, from: b, to: c, when: {event: purchase}}
  - {id: back, from: c, to: a, when: {idle: 90d}}
"""
FULL = """
journey: shop
version: 1
phases: [{id: before, label: {en: Before buying, es: Precompra}}, {id: after}]
channels: {whatsapp: {kind: online}, store: {kind: offline, label: {es: Tienda}}, phone: }
types: {visit: {label: A visit}, purchase: , stock_check: }
personas:
  - id: student
    label: {es: Estudiante}
    is: {all: [{trait: persona, eq: student}, {not: {trait: age, gt: 30}}]}
    about: {es: "20 años, Santa Cruz"}
stages:
  - id: a
    phase: before
    goal: {es: Encontrar algo que le quede}
    activities: [{es: Compara en Instagram}, Asks for sizes]
    touchpoints:
      - {type: visit, channel: whatsapp}
      - {type: stock_check, visible: false, label: {es: Revisar inventario}}
    points:
      - {kind: negative, at: visit, note: Nobody answers on Sundays, why: [Nobody works then, It was never planned], how: [A rota]}
      - {kind: positive, note: {en: The shop window}}
    promise: {within: 3d, onward: 40%}
  - {id: b, phase: before}
  - {id: c, phase: after}
rules:
  - {id: on, from: a, to: b, when: {event: visit}}
  - {id: further, from: b, to: c, when: {event: purchase}}
  - {id: back, from: c, to: a, when: {idle: 90d}}
map:
  state: future
  scope: {es: De la publicidad a la recomendación}
  ideal: [a, b, c]
  feeling: {of: [visit, purchase], value: properties.rating, scale: [1, 5]}
"""


def test_all_of_it_is_read() -> None:
    loaded = load_journey(FULL, "shop.yaml")
    assert loaded.findings == ()
    assert loaded.journey is not None
    design = loaded.journey.design
    assert design.phases == (Phase("before", {"en": "Before buying", "es": "Precompra"}), Phase("after", {}))
    assert design.channels == (Channel("whatsapp", "online", {}), Channel("store", "offline", {"es": "Tienda"}), Channel("phone", None, {}))
    assert [each.id for each in design.types] == ["visit", "purchase", "stock_check"]
    (student,) = design.personas
    assert (student.id, student.about) == ("student", {"es": "20 años, Santa Cruz"})
    assert list(design.stages) == ["a"]
    stage = design.stages["a"]
    assert stage.goal == {"es": "Encontrar algo que le quede"}
    assert stage.activities == ({"es": "Compara en Instagram"}, {"mul": "Asks for sizes"})
    assert [(each.type, each.channel, each.is_visible) for each in stage.touchpoints] == [
        ("visit", "whatsapp", True),
        ("stock_check", None, False),
    ]
    assert stage.points[0] == Point(
        "negative",
        "visit",
        {"mul": "Nobody answers on Sundays"},
        ({"mul": "Nobody works then"}, {"mul": "It was never planned"}),
        ({"mul": "A rota"},),
    )
    assert stage.promise == Promise(3 * DAY, 0.4)
    assert design.frame is not None
    assert (design.frame.state, design.frame.ideal) == ("future", ("a", "b", "c"))
    assert design.frame.feeling == Feeling(("purchase", "visit"), ("properties", "rating"), 1.0, 5.0)


def test_a_file_without_it_means_what_it_meant() -> None:
    design = journey_or_raise(BARE, "shop.yaml").design
    assert (design.phases, design.channels, design.types, design.personas, design.stages, design.frame) == ((), (), (), (), {}, None)


@pytest.mark.parametrize(
    ("addition", "words"),
    [
        ("phases: [{id: x}, {id: x}]", "phase `x` is already defined in line"),
        ("phases: [{label: x}]", "a phase needs `id`"),
        ("channels: [web]", "expected a map of channels, found a list"),
        ("channels: {web: {kind: digital}}", "expected `online` or `offline`, found text"),
        ("channels: {web: {colour: red}}", "unknown key `colour` in the channel `web`"),
        ("types: {visit: 3}", "expected the type `visit`"),
        ("personas: [{id: p, is: {count: visit, gte: 3}}]", "a persona is recognised by traits alone, found `count(visit) >= 3`"),
        ("personas: [{id: p}]", "a persona needs `is`"),
        ("personas: [{id: p, is: {trait: x, eq: 1}}, {id: p, is: {trait: x, eq: 2}}]", "persona `p` is already defined"),
        ("map: {ideal: [a]}", "expected a list of stage ids, at least 2"),
        ("map: {ideal: [a, d]}", "there is no stage `d`"),
        ("map: {ideal: [a, b, a]}", "`a` is already on the ideal way"),
        ("map: {state: past}", "expected `current` or `future`, found text"),
        ("map: {feeling: {of: review, value: channel, scale: [1, 5]}}", "`channel` is text, never a number"),
        ("map: {feeling: {of: review, value: properties.rating, scale: [5, 5]}}", "the worst and the best value of a scale must differ"),
        ("map: {feeling: {of: review, value: properties.rating, scale: [1]}}", "expected a list of numbers, at least 2"),
        ("map: {feeling: {of: review}}", "`feeling` needs `value` and `scale`"),
        ("map: {idael: [a, b]}", "unknown key `idael` in `map`; did you mean `ideal`?"),
    ],
)
def test_what_cannot_be_is_an_error_with_its_place(addition: str, words: str) -> None:
    loaded = load_journey(BARE + addition + "\n", "shop.yaml")
    assert loaded.journey is None
    (error,) = [finding for finding in loaded.findings if finding.severity == "error"]
    assert words in error.message
    assert error.line == BARE.count("\n") + 1


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("goal: 3", "expected a text, or a map of language codes to text"),
        ("goal: {en: That it comes, and fits}", "found the key `and fits`; a text that holds a comma stands in quotes"),
        ("touchpoints: [{channel: web}]", "a touchpoint needs `type`"),
        ("touchpoints: [{type: visit, visible: no}]", "expected true or false"),
        ("points: [{kind: good, note: x}]", "expected `positive` or `negative` or `critical`"),
        ("points: [{kind: negative, note: x, why: [a, b, c, d, e, f]}]", "expected at most 5 reasons, found 6"),
        ("promise: {within: soon}", "is not a duration"),
        ("promise: {onward: 0.4}", "expected a percentage"),
    ],
)
def test_so_is_what_a_stage_says_of_itself(stage: str, words: str) -> None:
    loaded = load_journey(BARE.replace("{id: a}", "{id: a, " + stage + "}"), "shop.yaml")
    assert loaded.journey is None
    assert any(words in finding.message and finding.line == 4 for finding in loaded.findings), loaded.findings


def test_with_phases_a_stage_belongs_to_one_of_them() -> None:
    text = BARE.replace("{id: a}", "{id: a, phase: befor}") + "phases: [{id: before}]\n"
    (finding,) = load_journey(text, "shop.yaml").findings
    assert (finding.severity, finding.message) == ("error", "there is no phase `befor`; did you mean `before`?")
    assert load_journey(BARE.replace("{id: a}", "{id: a, phase: anything}"), "shop.yaml").findings == ()


@pytest.mark.parametrize(
    ("addition", "stage", "words"),
    [
        ("types: {visit: , purchse: }", "", "the type `purchase` is not among the `types` of this file; did you mean `purchse`?"),
        ("types: {visit: , purchase: }", "touchpoints: [{type: visti}]", "`visti` is not among the types of this file"),
        ("types: {visit: , purchase: }", "points: [{kind: critical, at: vist}]", "`vist` is not among the types of this file"),
        ("channels: {web: }", "touchpoints: [{type: visit, channel: wbe}]", "`wbe` is not among the channels of this file (`web`)"),
        ("map: {ideal: [a, c]}", "", "no rule leads from `a` to `c`, so nobody can follow the ideal way"),
        ("map: {ideal: [b, c]}", "promise: {onward: 40%}", "`map: {ideal: […]}` does not lead on from `a`"),
        ("", "points: [{kind: positive}]", "this one says neither"),
        ("", "promise: {}", "`promise` promises nothing"),
    ],
)
def test_what_was_probably_not_meant_is_a_warning(addition: str, stage: str, words: str) -> None:
    text = BARE.replace("{id: a}", "{id: a, " + stage + "}") if stage else BARE
    loaded = load_journey(text + addition + "\n", "shop.yaml")
    assert loaded.journey is not None, loaded.findings
    assert [finding.severity for finding in loaded.findings if words in finding.message] == ["warning"], loaded.findings
