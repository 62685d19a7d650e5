import itertools
import random
from collections.abc import Iterable

import pytest
import re2

from etapa.journey.language.load import Loaded, load_journey
from etapa.journey.language.matching.patterns import compile_pattern
from etapa.journey.language.reading.operands import MAX_PATTERN_SIZE, MAX_PATTERNS

HEAD = "journey: p\nversion: 1\nstages: [{id: a}, {id: b}, {id: c}]\nrules:\n"


def of_patterns(patterns: Iterable[str]) -> Loaded:
    """A journey with a rule for each pattern, the first in line 5."""
    rules = [
        f"  - {{id: r{number}, from: a, to: b, when: {{event: x, where: {{properties.q: {{matches: '{pattern}'}}}}}}}}\n"
        for number, pattern in enumerate(patterns)
    ]
    return load_journey(HEAD + "".join(rules) + "  - {id: back, from: b, to: c, when: {event: x}}\n", "j.yaml")


def errors(loaded: Loaded) -> list[str]:
    return [str(finding) for finding in loaded.findings if finding.severity == "error"]


def test_an_expression_that_would_take_much_memory_is_refused_where_it_stands() -> None:
    (found,) = errors(of_patterns([r"\pL{1,180}"]))
    assert found.startswith(
        r'j.yaml:5:79: error: "\pL{1,180}" is not a regular expression that RE2 takes: compiled, it would take more than'
    )


def test_many_large_expressions_are_refused_and_hardly_any_of_them_is_compiled() -> None:
    # Compiled one by one they took a minute and 720 MiB.
    before = compile_pattern.cache_info().misses
    found = errors(of_patterns(rf"\pL{{1,180}}x{number}" for number in range(400)))
    assert len(found) == 400
    assert found[-1].endswith("not checked, because the regular expressions before it are already too large")
    assert compile_pattern.cache_info().misses - before <= 4


def test_expressions_that_are_allowed_one_by_one_may_be_too_large_together() -> None:
    sizes = [compile_pattern(rf"\pL{{1,40}}y{number}").size for number in range(10)]
    room = sum(total <= MAX_PATTERN_SIZE for total in itertools.accumulate(sizes))
    found = errors(of_patterns(rf"\pL{{1,40}}y{number}" for number in range(10)))
    assert len(found) == 10 - room
    assert found[0].startswith(f"j.yaml:{5 + room}:")
    assert f"so far take {sum(sizes[: room + 1])} instructions, {sizes[room]} of them this one; at most 250000 are allowed" in found[0]
    assert not errors(of_patterns(rf"\pL{{1,40}}y{number}" for number in range(room)))


def test_the_same_expression_counts_once_however_often_it_stands_there() -> None:
    assert not errors(of_patterns([r"\pL{1,40}z"] * 100))


def test_a_file_holds_so_many_expressions_and_no_more() -> None:
    numbers = list(range(MAX_PATTERNS))
    assert not errors(of_patterns(f"p{number}" for number in numbers[:-1]))
    text = HEAD + "".join(
        f"  - {{id: r{place}, from: a, to: b, when: {{event: x, where: {{properties.q: {{matches: 'p{place}'}}, properties.r: {{matches: 'q{place}'}}}}}}}}\n"
        for place in range(MAX_PATTERNS // 2 + 1)
    )
    assert {message.partition("error: ")[2] for message in errors(load_journey(text, "j.yaml"))} == {
        f"the file holds more than {MAX_PATTERNS} different regular expressions"
    }


@pytest.mark.parametrize("most", [1000, 5000])
def test_whatever_the_text_the_memory_of_an_expression_suffices_to_find_it(most: int) -> None:
    """RE2's sets find nothing if their memory cannot hold a few states of the automaton, so this tries the largest that compile."""
    chosen = random.Random(most)
    shapes = (r"(?:[a-zñ]|[0-9]é){{1,{n}}}x", r"(?:\pL|\pN){{1,{n}}}$", r"(?i)(?:wörd.){{{n}}}", r"(?:.{{{n}}}[^b]b?)")
    for shape in shapes:
        sizes = {n: compile_pattern(shape.format(n=n)).size for n in range(1, 40)}
        pattern = shape.format(n=max((n for n, size in sizes.items() if size <= most), default=1))
        compiled = re2.compile(pattern)
        found_in = compile_pattern(pattern).found_in
        for _ in range(40):
            text = "".join(chosen.choices("aznñ0é9xbwördWÖRD.日 ", k=chosen.choice([3, 200, 4000])))
            assert found_in(text) is (compiled.search(text) is not None)
