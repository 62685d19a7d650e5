"""The sources shipped with Etapa pass their own tests, and those tests can fail."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from etapa.sources import presets
from etapa.sources.language.loading import load_source
from etapa.sources.mapping import Mapper
from etapa.sources.trials import run_trials


@pytest.mark.parametrize("name", presets.names())
def test_a_presets_tests_pass(name: str) -> None:
    source = load_source(presets.text_of(name), name).source
    assert source is not None
    assert [result for result in run_trials(Mapper(source), msgspec.json.decode) if result.differences] == []


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ({"type": "other"}, 'type: expected "other", found "purchase"'),
        ("skipped", "expected skipped, found a touchpoint: "),
        ({"dead": "invalid"}, "expected dead letter invalid, found a touchpoint: "),
        ([{"type": "purchase"}, {"type": "purchase"}], "expected 2 outcomes, found 1: a touchpoint"),
        ({"properties": {"amount": True}}, 'properties: expected {"amount":true}, found {"amount":1}'),
        ({"occurred_at": "2026-01-05T09:20:01Z"}, 'occurred_at: expected "2026-01-05T09:20:01Z"'),
    ],
)
def test_a_test_that_expects_something_else_fails_in_words(expect: object, said: str) -> None:
    given = {"id": "1", "user": "u", "event": "purchase", "at": "2026-01-05T09:20:00Z", "amount": 1}
    touchpoint = {"id": "id", "customer_id": "user", "type": "event", "occurred_at": "at", "properties": {"amount": "amount"}}
    text = json.dumps({"source": "mine", "touchpoint": touchpoint, "tests": [{"given": given, "expect": expect}]})
    source = load_source(text, "mine.yaml").source
    assert source is not None
    (result,) = run_trials(Mapper(source), msgspec.json.decode)
    assert any(difference.startswith(said) for difference in result.differences), result.differences


def test_the_example_of_the_page_about_sources_keeps_its_own_tests() -> None:
    page = (Path(__file__).parents[3] / "docs" / "sources.md").read_text("utf-8")
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    loaded = load_source(text, "sources.md")
    assert loaded.source is not None, loaded.findings
    results = list(run_trials(Mapper(loaded.source), msgspec.json.decode))
    assert len(results) == 1
    assert results[0].differences == ()


def test_the_page_about_sources_has_a_row_for_each() -> None:
    page = (Path(__file__).parents[3] / "docs" / "sources.md").read_text("utf-8")
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", page, re.MULTILINE)[: len(presets.names())] == list(presets.names())
