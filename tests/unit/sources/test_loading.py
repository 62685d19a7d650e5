"""Errors in a source file are reported with their place."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from etapa.commands.files.journey_files import shown
from etapa.sources import presets
from etapa.sources.language.loading import load_source, source_schema
from tests.support import yaml_core

SCHEMA = source_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
GOOD = """\
source: mine
touchpoint:
  id: id
  customer_id: user
  type: event
  occurred_at: at
"""


def messages(text: str) -> list[str]:
    return [str(finding) for finding in load_source(text, "mine.yaml").findings]


def test_the_smallest_source_is_good() -> None:
    loaded = load_source(GOOD, "mine.yaml")
    assert loaded.findings == ()
    assert loaded.source is not None
    assert (loaded.source.name, loaded.source.decode, loaded.source.topic) == ("mine", "auto", None)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (
            ("id: id", "id: a..b"),
            "mine.yaml:3:7: error: `a..b` is not a path; write keys with dots between them, such as `properties.total`",
        ),
        (
            ("id: id", "id: {of: id, first: [id]}"),
            "mine.yaml:3:7: error: expected exactly one of `of`, `first`, `hash` and `const`, found `of` and `first`",
        ),
        (("id: id", "id: {of: id, as: numbr}"), "did you mean `number`?"),
        (("id: id", "id: {of: id, else: keep}"), "`else` says what to do with values that are not in `map`, but there is no `map`"),
        (("id: id", "id: {const: x, as: text}"), "a constant is used as it is, so only `when` may stand beside it"),
        (
            ("occurred_at: at", "occurred_at: {of: at, unit: s, zone: UTC}"),
            "`unit` is for numbers, `zone` and `form` are for text; write one of them",
        ),
        (("occurred_at: at", "occurred_at: {of: at, zone: Bolivia}"), "there is no time zone `Bolivia`"),
        (("occurred_at: at", 'occurred_at: {of: at, form: "%H:%M"}'), "has no day (`%d`)"),
        (("occurred_at: at", 'occurred_at: {of: at, form: "%Q"}'), "is not a form for times"),
        (("  type: event\n", ""), "mine.yaml:3:3: error: a touchpoint needs `type`"),
        (("source: mine", "source: My Source"), "expected an id in kebab-case"),
        (
            ("source: mine", "source: mine\nregistry: {url: 'https://etapa:secret@x'}"),
            "mine.yaml:2:17: error: the URL of a registry holds no login; ETAPA_REGISTRY_USER",
        ),
        (
            ("source: mine", "source: mine\ndecode: json\nregistry: {url: 'https://x'}"),
            "mine.yaml:3:11: error: `decode: json` reads nothing through a schema registry; leave out one of them",
        ),
        (
            ("occurred_at: at", "occurred_at: at\ntests: [{given: AAA, expect: skipped}]"),
            "expected a record as a map, or the bytes of its value in base64",
        ),
        (("source: mine", "source: mine\nsipk: []"), "did you mean `skip`?"),
        (("source: mine", "source: mine\nskip: [{event: {matches: '['}}]"), "is not a regular expression that RE2 takes"),
        (("source: mine", "source: mine\ndecode: xml"), "expected one of `auto`, `json`, `avro`, `protobuf`, `cloudevents` and `csv`"),
        (("source: mine", "source: mine\ntests: [{given: {}, expect: {amount: 1}}]"), "a touchpoint has no field `amount`"),
        (("source: mine", "source: mine\ntests: [{given: {}, expect: {dead: wrong}}]"), "expected one of `too_large`"),
    ],
)
def test_what_is_wrong_is_told(change: tuple[str, str], finding: str) -> None:
    found = messages(GOOD.replace(*change))
    assert any(finding in each for each in found), found


@pytest.mark.parametrize("name", presets.names())
def test_what_comes_with_etapa_is_good_and_follows_the_schema(name: str) -> None:
    text = presets.text_of(name)
    loaded = load_source(text, name)
    assert [str(finding) for finding in loaded.findings if finding.severity != "info"] == []
    assert loaded.source is not None
    assert loaded.source.name == name
    assert loaded.source.about
    assert loaded.source.trials
    assert [error.message for error in VALIDATOR.iter_errors(yaml_core.load(text))] == []


def test_the_schema_is_a_schema_and_the_one_in_the_tree() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    tree = Path(__file__).parents[3] / "schemas" / "source.schema.json"
    assert json.loads(tree.read_text("utf-8")) == SCHEMA


@pytest.mark.parametrize("text", ["", "- a", "5", "source: [", "source: mine", "touchpoint: 5"])
def test_whatever_the_text_nothing_is_raised(text: str) -> None:
    loaded = load_source(text, "mine.yaml")
    assert loaded.source is None
    assert loaded.findings


def test_schema_and_loader_agree_on_small_changes() -> None:
    base: dict[str, Any] = {"source": "mine", "touchpoint": {"id": "id", "customer_id": "c", "type": "t", "occurred_at": "a"}}
    good: dict[str, Any]
    bad: dict[str, Any]
    for good in ({"skip": [{"type": "page"}]}, {"each": "batch"}, {"placeholder_ids": []}, {"decode": "csv"}):
        both = {**base, **good}
        assert VALIDATOR.is_valid(both)
        assert load_source(json.dumps(both), "x").source is not None
    for bad in ({"skip": "page"}, {"each": 5}, {"decode": "xml"}, {"unknown": 1}, {"touchpoint": {"id": "id"}}):
        both = {**base, **bad}
        assert not VALIDATOR.is_valid(both)
        assert load_source(json.dumps(both), "x").source is None


def test_a_login_in_the_url_of_a_registry_is_never_shown() -> None:
    loaded = load_source("registry: {url: 'https://etapa:s3cret@registry.example'}\n" + GOOD, "mine.yaml")
    assert len(loaded.findings) == 1
    assert "s3cret" not in shown(loaded.findings[0])


def test_a_source_may_name_its_registry() -> None:
    loaded = load_source(GOOD + "registry: {url: 'https://registry.example:8081/apis/ccompat/v7'}\n", "mine.yaml")
    assert loaded.source is not None
    assert loaded.source.registry == "https://registry.example:8081/apis/ccompat/v7"
