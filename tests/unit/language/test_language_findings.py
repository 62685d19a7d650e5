"""Everything wrong with a journey file is reported at once, with line and column."""

import pytest

from etapa.journey.language.load import MAX_CONDITION_DEPTH, MAX_RULES, load_journey
from etapa.journey.language.reading.findings import MAX_FINDINGS
from etapa.journey.language.reading.yaml_nodes import MAX_BYTES, MAX_DEPTH

HEAD = "journey: a\nversion: 1\nstages: [{id: s}, {id: t}]\n"


def findings(text: str) -> list[str]:
    loaded = load_journey(text, "j.yaml")
    assert (loaded.journey is None) == any(finding.severity == "error" for finding in loaded.findings)
    return [str(finding) for finding in loaded.findings]


def of_rule(rule: str) -> list[str]:
    """Findings about one rule, in line 5 from column 5 on, without those about stages."""
    return [each for each in findings(f"{HEAD}rules:\n  - {rule}\n") if "can never be left" not in each]


def of_condition(condition: str) -> list[str]:
    """Findings about one condition, in line 5, with its first column as 1."""
    start = "{id: r, to: t, when: "
    found = of_rule(f"{start}{condition}}}")
    return [_shifted(each, len("  - " + start)) for each in found]


def _shifted(finding: str, columns: int) -> str:
    file, line, column, rest = finding.split(":", 3)
    assert (file, line) == ("j.yaml", "5")
    return f"{int(column) - columns}:{rest}"


CONDITIONS = [
    # What is written is not known here.
    ("{cuont: x, gte: 3}", "2: error: unknown condition `cuont`; did you mean `count`? allowed: `event`, `count`, `sum`"),
    ("{count: x, wihtin: 3d, gte: 3}", "12: error: unknown key `wihtin` in `count`; did you mean `within`? allowed: "),
    ("{absent: x, for: 3d, gte: 3}", "22: error: unknown key `gte` in `absent`; allowed: `absent`, `where` and `for`"),
    ("{count: x, contains: a}", "12: error: `count` does not take `contains`; allowed: `eq`, `ne`, `gt`, `gte`, `lt` and `lte`"),
    ("{score: {x: 1}, half_life: 1d, eq: 1}", "32: error: `score` does not take `eq`; allowed: `gt`, `gte`, `lt` and `lte`"),
    ("{event: x, where: {chanel: web}}", "20: error: `chanel` is not a path; did you mean `channel`? (a path is `channel`"),
    ("{event: x, where: {amount: 3}}", "20: error: `amount` is not a path; write `properties.amount` if it is a property"),
    ("{event: x, where: {properties: 3}}", "20: error: `properties` is not a path; a path is"),
    ("{event: x, where: {traits.a.b: 3}}", "20: error: `traits.a.b` is not a path; a path is"),
    ("{event: x, where: {channel: {equals: web}}}", "30: error: unknown comparison `equals`; did you mean `eq`? allowed: "),
    ("{within: 3d, gte: 3}", "1: error: a condition needs one of `event`, "),
    ("{event: x, idle: 3d}", "12: error: a condition is one thing, found `event` and `idle`: put each in a map of its own"),
    # What is written is called something else here.
    ("{count: x, is: 3}", "12: error: unknown key `is` in `count`; did you mean `eq`? allowed: "),
    ("{count: x, '>=': 3}", "12: error: unknown key `>=` in `count`; did you mean `gte`? allowed: "),
    ("{count: x, for: 3d, gte: 3}", "12: error: unknown key `for` in `count`; did you mean `within`? allowed: "),
    ("{absent: x, for: 3d, within: 3d}", "22: error: unknown key `within` in `absent`; did you mean `for`? allowed: "),
    ("{event: x, channel: web}", "12: error: unknown key `channel` in `event`; did you mean `where`? allowed: "),
    ("{event: x, properties.a: 3}", "12: error: unknown key `properties.a` in `event`; did you mean `where`? allowed: "),
    ("{and: [{event: x}]}", "2: error: unknown condition `and`; did you mean `all`? allowed: "),
    ("{or: [{event: x}]}", "2: error: unknown condition `or`; did you mean `any`? allowed: "),
    ("{sequence: [x], within: 3d}", '13: error: expected a step (a map), found text "x": write {event: x}'),
    # Something is missing.
    ("{count: x}", "1: error: `count` needs a comparison: at least one of `eq`, `ne`, `gt`, `gte`, `lt` and `lte`"),
    ("{trait: x}", "1: error: `trait` needs a comparison: at least one of `eq`, "),
    ("{absent: x}", "1: error: `absent` needs `for`"),
    ("{sum: properties.a, gt: 1}", "1: error: `sum` needs `of`"),
    ("{sequence: [{event: x}]}", "1: error: `sequence` needs `within`"),
    ("{event: }", "8: error: expected a touchpoint type, found nothing"),
    ("{}", "1: error: a condition needs one of "),
    ("{all: []}", "7: error: expected a list of conditions, at least 1, found an empty list"),
    ("{event: x, where: {}}", "19: error: expected at least one path (leave `where` out to match every touchpoint), found an empty map"),
    # Wrong types.
    ("[{idle: 3d}]", "1: error: expected a condition (a map), found a list: put conditions in {all: […]} or {any: […]}"),
    ("purchase", '1: error: expected a condition (a map), found text "purchase": write it as a map, such as {event: purchase} or'),
    ("{event: 404}", "9: error: expected a touchpoint type, found number 404: write it in quotes to make it text"),
    ("{event: [x, true]}", "13: error: expected a touchpoint type, found true: write it in quotes to make it text"),
    ("{count: x, gte: three}", '17: error: expected a number, found text "three"'),
    ("{count: x, gte: true}", "17: error: expected a number, found true"),
    ("{trait: x, gt: true}", "16: error: expected a number or text, found true"),
    ("{trait: x, in: web}", '16: error: expected a list of values, found text "web"'),
    ("{trait: x, in: [null]}", "17: error: expected a number, text or true or false, found nothing"),
    ("{trait: x, exists: 1}", "20: error: expected true or false, found number 1"),
    (
        "{trait: x, ne: null}",
        "16: error: expected a number, text or true or false, found nothing: `exists: true` asks whether a value is present",
    ),
    ("{event: x, where: {channel: [web, app]}}", "29: error: expected a value or a map of comparisons, found a list: write {in: […]}"),
    ("{idle: 30}", "8: error: expected a duration such as 90d or 1d12h, found number 30: its unit (s, m, h, d, w or y) is missing"),
    ("{idle: 30days}", "8: error: '30days' is not a duration"),
    (
        "{idle: 1mo}",
        (
            "8: error: '1mo' is not a duration: write whole numbers with units s, m, h, d, w or y (365 d), such as 90d or 1d12h; there is no unit"
            " for months, because they differ in length: 30d"
        ),
    ),
    ("{idle: 0d}", '8: error: expected a duration longer than 0s, found text "0d"'),
    ("{idle: -3d}", "8: error: '-3d' is not a duration"),
    ("{count: x, gte: .nan}", "17: error: .nan is not a number that can be compared"),
    ("{count: x, gte: -.inf}", "17: error: -.inf is not a number that can be compared"),
    ("{count: x, gte: 99999999999999999999}", "17: error: 99999999999999999999 is too large for a whole number of 64 bits"),
    ("{sum: properties.a, of: x, gt: 1e999}", "32: error: 1e999 is too large for a number"),
    ('{trait: x, matches: "(a"}', '21: error: "(a" is not a regular expression that RE2 takes: missing )'),
    ("{score: {x: 0}, half_life: 1d, gt: 1}", "13: error: 0 points change nothing: leave the type out"),
    ('{score: {"*": 1}, half_life: 1d, gt: 1}', "10: error: expected one touchpoint type of 1 to 128 characters, found `*`"),
    ('{event: [x, "*"]}', '9: error: "*" stands for every type already'),
    ("{sum: channel, of: x, gt: 1}", "7: error: `channel` is text, never a number: there is nothing to take the sum of"),
    # Comparisons that decide nothing.
    ("{count: x, gte: 0}", "12: error: `>= 0` is always true of a count (a whole number from 0)"),
    ("{count: x, lt: 0}", "12: error: `< 0` can never be true of a count"),
    ("{count: x, eq: 2.5}", "12: error: `= 2.5` can never be true of a count"),
    ("{count: x, ne: -1}", "12: error: `!= -1` is always true of a count"),
    ("{count: x, gte: 5, lt: 3}", "12: error: `>= 5 and < 3` can never be true of a count"),
    ("{count: x, gt: 3, lt: 4}", "12: error: `> 3 and < 4` can never be true of a count"),
    ("{distinct: channel, of: x, in: [-1, 0.5]}", "28: error: `in [-1, 0.5]` can never be true of a count"),
    ("{sum: properties.a, of: x, gt: 5, lte: 5}", "28: error: `> 5 and <= 5` can never be true of a sum (a number)"),
    ("{avg: properties.a, of: x, exists: false, gt: 3}", "28: error: `> 3 and is missing` can never be true of a number or nothing"),
    ("{score: {x: 1}, half_life: 1d, gte: 0}", "32: error: `>= 0` is always true of a score without negative points"),
    ("{score: {x: -1}, half_life: 1d, gt: 0}", "33: error: `> 0` can never be true of a score without positive points"),
    ("{trait: x, eq: a, ne: a}", '12: error: `= "a" and != "a"` can never be true of a value, which may be missing'),
    ("{trait: x, gt: 3, lt: b}", '12: error: `> 3 and < "b"` can never be true of a value'),
    ("{trait: x, gt: 3, contains: a}", '12: error: `> 3 and contains "a"` can never be true of a value'),
    ("{trait: x, exists: false, matches: a}", '12: error: `is missing and matches "a"` can never be true of a value'),
    ("{last: channel, of: x, eq: 3}", "24: error: `= 3` can never be true of the latest text, or nothing"),
    ("{event: x, where: {channel: 3}}", "29: error: `= 3` can never be true of a channel (text or missing)"),
    ("{event: x, where: {type: {exists: true}}}", "27: error: `exists` is always true of a touchpoint type"),
    ("{event: x, where: {type: y}}", "19: error: what `where` says of `type` can never be true of `x`"),
    # Conditions that exclude each other.
    (
        "{all: [{event: x}, {event: y}]}",
        "1: error: these conditions can never be true together: `event(x)` and `event(y)` exclude each other",
    ),
    (
        "{all: [{event: x}, {not: {event: [x, y]}}]}",
        "1: error: these conditions can never be true together: `event(x)` and `not event(x | y)`",
    ),
    (
        "{all: [{event: x, where: {channel: a}}, {event: x, where: {channel: {in: [b, c]}}}]}",
        "1: error: these conditions can never be true together: ",
    ),
    (
        "{all: [{count: x, gte: 5}, {count: x, lt: 3}]}",
        "1: error: these conditions can never be true together: `count(x) >= 5` and `count(x) < 3`",
    ),
    ("{all: [{count: x, within: 3d, gte: 1}, {absent: [x, y], for: 3d}]}", "1: error: these conditions can never be true together: "),
    ("{all: [{sequence: [{event: a}, {event: b}], within: 1d}, {idle: 2d}]}", "1: error: these conditions can never be true together: "),
    ("{all: [{in_stage: 3d}, {all: [{not: {in_stage: 2d}}]}]}", "1: error: these conditions can never be true together: "),
    ("{all: [{trait: a, eq: 1}, {trait: a, eq: true}]}", "1: error: these conditions can never be true together: "),
    (
        "{any: [{count: x, gte: 5}, {count: x, lt: 7}]}",
        "1: error: one of these conditions is always true: `count(x) >= 5` and `count(x) < 7` cannot",
    ),
    ("{any: [{idle: 3d}, {not: {idle: 4d}}]}", "1: error: one of these conditions is always true: "),
]


@pytest.mark.parametrize(("condition", "expected"), CONDITIONS, ids=[condition for condition, _ in CONDITIONS])
def test_a_mistake_in_a_condition_is_told_where_it_stands(condition: str, expected: str) -> None:
    (found,) = of_condition(condition)
    assert found.startswith(expected)


@pytest.mark.parametrize(
    "condition",
    [
        "{count: x, gte: 2.5}",
        "{count: x, eq: 0}",
        "{count: x, gt: 0, ne: 3}",
        "{sum: properties.a, of: x, gte: 0}",
        "{sum: properties.a, of: x, gt: 1, lt: 1.5}",
        "{score: {x: 1, y: -1}, half_life: 1d, gte: 0}",
        "{score: {x: 1}, half_life: 1d, lte: 0}",
        "{trait: x, eq: null}",
        "{trait: x, gt: a, lt: b}",
        "{trait: x, contains: a, gte: 'a'}",
        "{trait: x, contains: 3, exists: true}",
        "{trait: x, starts_with: a, ends_with: b, contains: c, matches: d, ne: abcd}",
        "{trait: x, gt: 1152921504606846976, lt: 1152921504606846978}",
        "{last: channel, of: x, exists: false}",
        '{event: "*", where: {type: {starts_with: shop}}}',
        "{all: [{event: x}, {event: [x, y], where: {channel: web}}]}",
        "{all: [{count: x, gte: 3}, {count: x, within: 3d, lt: 2}]}",
        "{all: [{count: x, within: 4d, gte: 1}, {absent: x, for: 3d}]}",
        "{all: [{count: x, within: 3d, lt: 2}, {absent: x, for: 3d}]}",
        "{any: [{idle: 4d}, {not: {idle: 3d}}]}",
        "{event: [on, off, yes, no]}",
    ],
)
def test_a_condition_that_can_be_true_and_false_is_let_through(condition: str) -> None:
    assert of_condition(condition) == []


RULES = [
    ("{id: r, to: t, wen: {idle: 3d}}", ["5: error: a rule needs `when`", "20: error: unknown key `wen` in a rule; did you mean `when`?"]),
    ("{id: r, to: s, when: {idle: 3d}}", ["17: error: no stage is listed before `s`, so the rule leaves none: write the stages it leaves"]),
    ("{id: r, from: t, to: t, when: {idle: 3d}}", ["19: error: the rule leads from `t` to itself"]),
    ("{id: r, from: [s, x], to: t, when: {idle: 3d}}", ["23: error: there is no stage `x`: the file has `s` and `t`"]),
    ("{id: r, from: [], to: t, when: {idle: 3d}}", ["19: error: expected a list of stage ids, at least 1, found an empty list"]),
    ("{id: r, from: [s, s], to: t, when: {idle: 3d}}", ['23: warning: text "s" is already in the list']),
    (
        "{id: a b, to: t, when: {idle: 3d}}",
        [
            '10: error: expected an id (letters a to z without accents, digits, `-`, `_` and `.`, at most 64; accents can stand in a label), found text "a b"'
        ],
    ),
    (
        "{id: 7, to: t, when: {idle: 3d}}",
        [
            "10: error: expected an id (letters a to z without accents, digits, `-`, `_` and `.`, at most 64; accents can stand in a label), found number 7: write it in quotes"
        ],
    ),
]


@pytest.mark.parametrize(("rule", "expected"), RULES, ids=[rule for rule, _ in RULES])
def test_a_mistake_in_a_rule_is_told_where_it_stands(rule: str, expected: list[str]) -> None:
    found = of_rule(rule)
    assert len(found) == len(expected)
    assert all(each.startswith(f"j.yaml:5:{start}") for each, start in zip(found, expected, strict=True))


JOURNEYS = [
    ("", "1:1: error: the file is empty: a journey has at least `journey`, `version`, `stages` and `rules`"),
    ("# nothing\n", "1:1: error: the file is empty"),
    ("[]", "1:1: error: expected a journey (a map with `journey`, `version`"),
    ("{}", "1:1: error: a journey needs `journey`, `version`, `stages` and `rules`"),
    (f"{HEAD}rules: []\nverison: 2\n", "5:1: error: unknown key `verison` in a journey; did you mean `version`? allowed: "),
    (
        "journey: año\nversion: 1\nstages: [{id: s}]\nrules: []\n",
        "1:10: error: expected an id in kebab-case (letters a to z without accents, digits, hyphens)",
    ),
    ("journey: a\nversion: 0\nstages: [{id: s}]\nrules: []\n", "2:10: error: expected a whole number from 1 to 2147483647, found number 0"),
    (
        "journey: a\nversion: 1.0\nstages: [{id: s}]\nrules: []\n",
        "2:10: error: expected a whole number from 1 to 2147483647, found number 1.0",
    ),
    ("journey: a\nversion: true\nstages: [{id: s}]\nrules: []\n", "2:10: error: expected a whole number from 1 to 2147483647, found true"),
    ("journey: a\nversion: 1\nstages: []\nrules: []\n", "3:9: error: expected a list of stages, at least 1, found an empty list"),
    ("journey: a\nversion: 1\nstages: [{id: s}, {id: s}]\nrules: []\n", "3:24: error: stage `s` is already defined in line 3"),
    (
        "journey: a\nversion: 1\nstages: [{id: s, label: [S]}]\nrules: []\n",
        "3:25: error: expected a text, or a map of language codes to text",
    ),
    ("journey: a\nversion: 1\ninitial: x\nstages: [{id: s}]\nrules: []\n", "3:10: error: there is no stage `x`: the file has `s`"),
    # What YAML allows and a journey file does not.
    ("journey: a\njourney: b\nversion: 1\nstages: [{id: s}]\nrules: []\n", "2:1: error: key `journey` appears twice in the same map"),
    ("journey: &x a\nversion: 1\nstages: [{id: s}]\nrules: []\n", "1:10: error: anchor `&x` is not allowed"),
    ("journey: *x\nversion: 1\nstages: [{id: s}]\nrules: []\n", "1:10: error: alias `*x` is not allowed"),
    ("journey: !!str a\nversion: 1\nstages: [{id: s}]\nrules: []\n", "1:10: error: tag `tag:yaml.org,2002:str` is not allowed"),
    ("journey: a\nversion: 1\nstages: [{id: s}]\nrules: []\n---\njourney: b\n", "5:1: error: a second document begins here"),
    (
        "journey: a\nversion: 1\nstages: [{id: s}]\nrules: []\n1: 2\n",
        '5:1: error: a key must be text, found number 1: write it in quotes, as "1"',
    ),
    ("journey: a\nversion: 1\nstages: [{id: s}]\nrules: []\n? [x]\n: y\n", "5:3: error: a key must be text, not a list or a map"),
    # What is not YAML.
    ("journey: [a\nversion: 1\n", "2:8: error: not valid YAML: while parsing a flow sequence: expected ',' or ']', but got ':'"),
    (
        "journey: {a: /b?c}\n",
        "1:16: error: not valid YAML: while parsing a flow mapping: expected ',' or '}', but got '?'; if that is part",
    ),
    (
        "journey: a: b\n",
        "1:11: error: not valid YAML: mapping values are not allowed here; if that is part of a text, put the text in quotes",
    ),
    ("journey: a\n\tversion: 1\n", "2:1: error: not valid YAML: while scanning for the next token: found character '\\t'"),
    ("journey: *\n", "1:11: error: not valid YAML: while scanning an alias: "),
    ("journey: a\x00b\n", "1:11: error: character U+0000 is not allowed in YAML"),
    ("journey: a\nversion: \ud800\n", "2:10: error: character U+D800 is not allowed in YAML"),
    ('journey: "\\ud800"\nversion: 1\nstages: [{id: s}]\nrules: []\n', "1:10: error: half a surrogate pair is not a character"),
    ('journey: "\\Uffffffff"\n', "1:"),
    ("%YAML " + "1" * 5000 + ".1\n---\na: b\n", "1:"),
    ("x: " + "[" * (MAX_DEPTH + 1), f"1:{MAX_DEPTH + 3}: error: lists and maps are nested more than {MAX_DEPTH} deep"),
    ("x" * (MAX_BYTES + 1), "1:1: error: the file is larger than 1024 KiB"),
    ("ñ" * (MAX_BYTES // 2 + 1), "1:1: error: the file is larger than 1024 KiB"),
]


@pytest.mark.parametrize(("text", "expected"), JOURNEYS, ids=[expected for _, expected in JOURNEYS])
def test_a_mistake_in_a_journey_is_told_where_it_stands(text: str, expected: str) -> None:
    (found,) = [each for each in findings(text) if ": info: " not in each]
    assert found.startswith(f"j.yaml:{expected}")


def test_an_unquoted_star_is_told_to_be_quoted() -> None:
    (found,) = findings("journey: {event: *}\n")
    assert found.endswith('if every touchpoint type is meant, write "*" in quotes')


CAMPAIGN = HEAD + "rules: [{id: r, to: t, when: {event: x}}, {id: b, from: t, to: s, when: {event: y}}]\ncampaigns:\n  - "
CAMPAIGNS = [
    ("{id: c, on: {enter: tt}}", "6:25: error: there is no stage `tt`; did you mean `t`?"),
    ("{id: c, on: {enter: t, leave: s}}", "6:17: error: `on` is {enter: STAGE}, {leave: STAGE} or {from: STAGE, to: STAGE}"),
    ("{id: c, on: {from: t}}", "6:17: error: `on` is {enter: STAGE}"),
    ("{id: c, on: {entr: t}}", "6:18: error: unknown key `entr` in `on`; did you mean `enter`?"),
    ("{id: c, on: {from: [s, t], to: t}}", "6:36: error: no customer moves from `t` to itself"),
    ("{id: c, on: {enter: t}, when: {event: x}}", "6:35: error: a campaign is judged at the change, with no touchpoint at hand"),
    ("{id: c, on: {enter: t}, when: {in_stage: 1d}}", "6:35: error: a campaign is judged at the change, when the stage has just"),
    ("{id: c, on: {enter: t}, holdout: 10}", "6:38: error: expected a percentage from 0% to 100%, such as 10%, found number 10"),
    ("{id: c, on: {enter: t}, holdout: 101%}", "6:38: error: expected a percentage"),
    ("{id: c, on: {enter: t}, cooldown: 0s}", "6:39: error: expected a duration longer than 0s"),
    ("{id: c, on: {enter: t}, once: 1}", "6:35: error: expected true or false, found number 1"),
    ("{id: c, on: {enter: t}, payload: [1]}", "6:38: error: expected a map, found a list"),
    ("{id: c, on: {enter: t}}\n  - {id: c, on: {enter: s}}", "7:10: error: campaign `c` is already defined in line 6"),
    ("{id: c}", "6:5: error: a campaign needs `on`"),
    ("{id: c, on: {enter: t}}\nconsent: {trait: x}", "7:10: error: `consent` needs a comparison"),
    ("{id: c, on: {enter: t}}\nconsent: {trait: x, exists: false}", "7:10: error: `consent` can never be given: a missing trait means no"),
    ("{id: c, on: {enter: t}}\ncaps: {max: 0, per: 7d}", "7:13: error: expected a whole number from 1 to"),
    ("{id: c, on: {enter: t}}\ntests: [{name: a, given: [{at: 0d}], expect: [{at: 0d, to: s}]}]", "7:27: error: a touchpoint needs `type`"),
    (
        "{id: c, on: {enter: t}}\ntests: [{name: a, given: [{at: 0, type: x}], expect: [{at: 0d, to: s}]}]",
        "7:32: error: expected a duration such as 90d or 1d12h, found number 0: its unit",
    ),
    (
        "{id: c, on: {enter: t}}\ntests: [{name: a, given: [{at: 0s, type: x}], expect: {}}]",
        "7:55: error: expected a list of changes",
    ),
    (
        "{id: c, on: {enter: t}}\ntests: [{name: a, given: [{at: 0s, type: x}], expect: [{at: 0d, to: u}]}]",
        "7:69: error: there is no stage `u`: the file has `s` and `t`",
    ),
    (
        "{id: c, on: {enter: t}}\ntests: [{name: a, given: [{at: 0s, type: x}], expect: [{at: 0d, to: s}], triggers: [d]}]",
        "7:85: error: there is no campaign `d`: the file has `c`",
    ),
    (
        "{id: c, on: {enter: t}}\ntests: [{name: a, given: [{at: 3d, type: x}], expect: [{at: 3d, to: s}], until: 2d}]",
        "7:81: warning: `until` lies before the last touchpoint",
    ),
]


@pytest.mark.parametrize(("campaign", "expected"), CAMPAIGNS, ids=[campaign for campaign, _ in CAMPAIGNS])
def test_a_mistake_in_campaigns_and_tests_is_told_where_it_stands(campaign: str, expected: str) -> None:
    (found,) = findings(CAMPAIGN + campaign + "\n")
    assert found.startswith(f"j.yaml:{expected}")


def test_all_findings_come_at_once_and_in_order() -> None:
    text = """\
journey: a
version: -1
stages:
  - {id: s, fase: early}
  - {id: t}
rules:
  - {id: one, to: tt, when: {count: x}}
  - {id: one, to: t, when: {any: [{idle: 3}, {event: []}, {nope: 1}]}}
"""
    assert [each.split(" ")[0] for each in findings(text)] == [
        "j.yaml:2:10:",
        "j.yaml:4:13:",
        "j.yaml:7:19:",
        "j.yaml:7:29:",
        "j.yaml:8:10:",
        "j.yaml:8:42:",
        "j.yaml:8:54:",
        "j.yaml:8:60:",
    ]


def test_a_finding_in_full_points_at_its_place() -> None:
    text = HEAD + 'rules: []\nconsent: {trait: "\t", eq: 1, maxx: 2}\n'
    (finding,) = [each for each in load_journey(text, "j.yaml").findings if each.severity == "error"]
    assert finding.in_full().splitlines() == [str(finding), '  consent: {trait: "\t", eq: 1, maxx: 2}', "                    \t          ^"]


def test_there_is_an_end_to_findings() -> None:
    rules = "".join(f"  - {{id: r{number}, oh: 1, when: {{count: 3, gte: 0x, within: 0d}}}}\n" for number in range(400))
    found = findings(f"{HEAD}rules:\n{rules}")
    assert len(found) == MAX_FINDINGS
    assert found[-1].endswith("fix these first")


def test_too_many_rules_are_refused() -> None:
    rules = "".join(f"  - {{id: r{number}, to: t, when: {{event: x{number}}}}}\n" for number in range(MAX_RULES + 1))
    (found,) = findings(f"{HEAD}rules:\n{rules}")
    assert found == f"j.yaml:5:3: error: expected at most {MAX_RULES} rules, found {MAX_RULES + 1}"


def test_conditions_that_nest_too_deep_are_refused() -> None:
    condition = "{not: " * MAX_CONDITION_DEPTH + "{idle: 3d}" + "}" * MAX_CONDITION_DEPTH
    (found,) = of_condition(condition)
    assert found == f"1: error: conditions are nested {MAX_CONDITION_DEPTH + 1} deep; at most {MAX_CONDITION_DEPTH} are allowed"


def test_a_pattern_that_is_too_long_is_refused() -> None:
    (found,) = of_condition(f"{{trait: x, matches: {'a' * 1001}}}")
    assert found == "21: error: expected a regular expression of at most 1000 characters, found 1001"


def test_lines_are_counted_however_they_end() -> None:
    for end in ("\n", "\r\n", "\r"):
        (found,) = findings(end.join(["journey: a", "version: 1", "", "stages: [{id: s}]", "rules: x"]))
        assert found.startswith("j.yaml:5:8: error: expected a list of rules")


def test_many_warnings_do_not_refuse_a_file() -> None:
    rules = "".join(f"  - {{id: r{number}, to: t, when: {{count: x, gte: {number + 1}}}}}\n" for number in range(MAX_FINDINGS + 10))
    loaded = load_journey(f"{HEAD}rules:\n{rules}", "j.yaml")
    assert loaded.journey is not None
    assert (len(loaded.findings), loaded.findings[-1].severity) == (MAX_FINDINGS, "warning")
