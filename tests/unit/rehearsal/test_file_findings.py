"""Oddities in a file of touchpoints, found while it goes through a journey."""

import io
import json
from pathlib import Path

import pytest

from etapa.commands.files.sorted_lines import SortedLines
from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.rfc3339 import format_time
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.rehearsal.ids_again import IdsAgain
from etapa.rehearsal.summary import Summary, simulate
from etapa.rehearsal.types_named import types_named
from tests.unit.cli.process import etapa

HOUR = 3_600_000_000
HEAD = "journey: shop\nversion: 1\nremember_ids: 2\nstages: [{id: a}, {id: b}]\n"
JOURNEY = HEAD + "rules:\n  - {id: r, from: a, to: b, when: {all: [{event: buy}, {trait: tags, contains: x}]}}\n"


def line(identity: str, hour: int = 0, kind: str = "buy", customer: str = "c-1", **more: object) -> bytes:
    touchpoint = {"id": identity, "customer_id": customer, "type": kind, "occurred_at": format_time(hour * HOUR + 10**15)}
    return json.dumps(touchpoint | more).encode() + b"\n"


def findings(*lines: bytes, journey: str = JOURNEY) -> dict[str, tuple[int, str]]:
    """For each kind of finding, how often it occurred, and its text."""
    loaded = journey_or_raise(journey, "shop.yaml")
    summary = Summary(loaded)
    for _ in simulate(compile_journey(loaded), loaded, io.BytesIO(b"".join(lines)), summary=summary):
        pass
    return {finding.kind: (finding.count, finding.text) for finding in summary.findings}


def test_nothing_is_odd_about_touchpoints_in_order() -> None:
    assert findings(line("1", 0), line("2", 1), line("1", 2, customer="c-2")) == {}


def test_late_ones_are_counted_by_customer() -> None:
    late = findings(line("1", 5), line("2", 0, customer="c-2"), line("3", 3), line("4", 6), line("5", 7))["late"]
    count, words = late
    assert count == 1
    assert words.startswith("1 of 5 touchpoints occurred before one of the same customer that was already read (by up to 2h)")
    assert words.endswith("is the file in order of time? --sort puts them in order")


def test_history_that_was_sent_twice_is_told() -> None:
    once = [line(str(number), number) for number in range(6)]
    again = findings(*once, *once)["repeated_ids"]
    assert again[0] == 6
    assert again[1].endswith("no repeat of an id after 2 others is recognised (remember_ids). Is history in the file twice?")
    for_a_time = JOURNEY.replace("remember_ids: 2", "remember_ids: {last: 2, for: 3h}")
    held = findings(*once, *once, journey=for_a_time)["repeated_ids"]
    assert held[0] == 3
    assert "no repeat of an id after 1,024 others, or 2 after 3h is recognised" in held[1]
    assert "repeated_ids" not in findings(*once, *once, journey=JOURNEY.replace("remember_ids: 2", "remember_ids: {last: 2, for: 3d}"))
    assert "repeated_ids" not in findings(*(each for each in once for _ in range(2)))


def test_lists_that_are_cut_are_told_where_no_rule_looks_into_them() -> None:
    lines = [line("1", traits={"tags": ["x"] * 65}), line("2", 1, traits={"tags": ["x"] * 64, "other": ["x"] * 65})]
    assert findings(*lines, journey=JOURNEY.replace("contains", "eq"))["cut_lists"][0] == 1
    assert "cut_lists" not in findings(*lines)


def test_any_type_is_named_by_a_star_unless_it_stands_for_idleness() -> None:
    def named(when: str) -> frozenset[str]:
        return types_named(journey_or_raise(HEAD + f"rules: [{{id: r, from: a, to: b, when: {when}}}]\n", "j.yaml"))

    assert named("{idle: 3d}") == frozenset()
    assert named("{count: '*', gte: 3}") == {"*"}
    assert named("{any: [{score: {buy: 2}, half_life: 1d, gte: 3}, {not: {absent: [x, y], for: 1d}}]}") == {"buy", "x", "y"}


def test_of_many_ids_a_sample_tells_about_how_many_came_again() -> None:
    ids = IdsAgain(most=1000)
    for _ in range(2):
        for number in range(20_000):
            ids.see("c", str(number))
    assert not ids.is_exact
    assert 15_000 < ids.number < 25_000


@pytest.mark.parametrize("portion", [1, 300, 10**6])
def test_lines_are_sorted_by_time_and_keep_their_numbers(portion: int, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join([line("1", 5), line("2", 3), b"no good\n", line("3", 4), line("4", 3)]))
    with path.open("rb") as file:
        lines = SortedLines(file, decoder_within(TouchpointLimits()), portion)
        read = []
        while text := lines.readline(10_000):
            read.append((lines.number, text))
    assert [number for number, _ in read] == [2, 3, 5, 4, 1]
    assert read[1][1] == b"no good\n"


def test_a_bad_line_of_a_sorted_file_is_told_by_its_place_in_the_file() -> None:
    done = etapa("simulate", "--sort", "-", stdin=line("1", 5) + b"no good\n" + line("2", 3) + line("3", 2))
    assert done.stderr.splitlines()[1].startswith(b"line 2: not_json")


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        (b"id,customer_id,type\n1,2,3\n", "it looks like CSV; JSON Lines are read"),
        (b"[\n" + line("1") + b"]\n", "jq -c '.[]' -"),
        (b"BZh91AY", "bzip2 data"),
    ],
)
def test_a_file_of_another_format_ends_in_words(stdin: bytes, words: str) -> None:
    done = etapa("simulate", "-", stdin=stdin)
    assert done.returncode == 1
    assert words in done.stderr.decode()
    assert done.stdout == b""
