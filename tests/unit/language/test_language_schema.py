"""The JSON Schema of the journey file agrees with the loader."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from etapa.contracts.journey_schema import journey_schema_text
from etapa.journey.language.load import load_journey
from tests.support import yaml_core

ROOT = Path(__file__).parents[3]
SHIPPED = sorted((ROOT / "service" / "etapa" / "journeys").glob("*.yaml"))
SCHEMA = json.loads(journey_schema_text())
VALIDATOR = Draft202012Validator(SCHEMA)


def smallest() -> dict[str, Any]:
    return {
        "journey": "small",
        "version": 1,
        "stages": [{"id": "first"}, {"id": "last"}],
        "rules": [
            {"id": "on", "to": "last", "when": {"count": "purchase", "within": "90d", "gte": 3}},
            {"id": "back", "from": "last", "to": "first", "when": {"event": "reset"}},
        ],
    }


def loads(journey: dict[str, Any]) -> bool:
    # JSON is YAML.
    return load_journey(json.dumps(journey), "journey.yaml").journey is not None


def test_the_schema_in_the_tree_is_up_to_date() -> None:
    assert (ROOT / "schemas" / "journey.schema.json").read_text("utf-8") == journey_schema_text()


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_the_shipped_journeys_follow_the_schema(file: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(yaml_core.load(file.read_text("utf-8")))] == []


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_the_shipped_journeys_point_editors_to_the_schema(file: Path) -> None:
    first = file.read_text("utf-8").splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    assert (file.parent / first.removeprefix(prefix)).resolve() == ROOT / "schemas" / "journey.schema.json"


def test_every_key_is_described() -> None:
    def undescribed(schema: Any, path: str) -> list[str]:
        if isinstance(schema, list):
            return [each for item in schema for each in undescribed(item, path)]
        if not isinstance(schema, dict):
            return []
        properties = schema.get("properties", {})
        here = [f"{path}/{name}" for name, inner in properties.items() if "description" not in inner]
        below = {**properties, **{name: inner for name, inner in schema.items() if name != "properties"}}
        return here + [each for name, inner in below.items() for each in undescribed(inner, f"{path}/{name}")]

    assert undescribed({name: inner for name, inner in SCHEMA.items() if name != "$defs"}, "") == []
    assert [each for name, inner in SCHEMA["$defs"].items() for each in undescribed(inner, name)] == []


def test_every_reference_leads_somewhere() -> None:
    references = set(re.findall(r'"\$ref": "#/\$defs/([^"]+)"', journey_schema_text()))
    assert references == set(SCHEMA["$defs"])


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("a typo in a key of the journey", {"verison": 2}),
    ("a version that is not positive", {"version": 0}),
    ("an id that is not kebab-case", {"journey": "My Shop"}),
    ("a duration without a unit", {"grace": 10}),
    ("a negative number of ids", {"remember_ids": -1}),
    ("a typo in a key of a stage", {"stages": [{"id": "first", "lable": {"en": "First"}}, {"id": "last"}]}),
    ("no stages", {"stages": []}),
    ("a campaign without `on`", {"campaigns": [{"id": "hello"}]}),
    ("a campaign that enters and leaves", {"campaigns": [{"id": "hello", "on": {"enter": "last", "leave": "last"}}]}),
    ("a holdout that is no percentage", {"campaigns": [{"id": "hello", "on": {"enter": "last"}, "holdout": "110%"}]}),
    ("consent without a comparison", {"consent": {"trait": "marketing"}}),
    ("caps without `per`", {"caps": {"max": 2}}),
    ("a test without `expect`", {"tests": [{"name": "empty", "given": [{"at": "0d", "type": "visit"}]}]}),
]

REFUSED_CONDITIONS: list[dict[str, Any]] = [
    {"cuont": "purchase", "gte": 3},
    {"count": "purchase"},
    {"count": "purchase", "gte": "3"},
    {"count": "purchase", "contains": "x"},
    {"absent": "purchase"},
    {"absent": "purchase", "for": "30d", "gte": 3},
    {"idle": "30"},
    {"sum": "amount", "of": "purchase", "gt": 3},
    {"sum": "properties.amount", "gt": 3},
    {"event": "visit", "where": {"chanel": "web"}},
    {"event": "visit", "where": {"channel": {"equals": "web"}}},
    {"event": []},
    {"sequence": [{"event": "visit"}]},
    {"score": {"visit": 0}, "half_life": "7d", "gt": 1},
    {"score": {"visit": 1}, "half_life": "7d", "eq": 1},
    {"trait": "persona", "matches": 3},
    {"all": []},
    {"not": [{"idle": "3d"}]},
    {"event": "visit", "idle": "3d"},
]


def test_the_smallest_journey_is_taken_by_both() -> None:
    assert VALIDATOR.is_valid(smallest())
    assert loads(smallest())


@pytest.mark.parametrize(("change"), [change for _, change in REFUSED], ids=[name for name, _ in REFUSED])
def test_mistakes_in_a_journey_are_refused_by_schema_and_loader(change: dict[str, Any]) -> None:
    journey = {**smallest(), **change}
    assert not VALIDATOR.is_valid(journey)
    assert not loads(journey)


@pytest.mark.parametrize("condition", REFUSED_CONDITIONS, ids=json.dumps)
def test_mistakes_in_a_condition_are_refused_by_schema_and_loader(condition: dict[str, Any]) -> None:
    journey = copy.deepcopy(smallest())
    journey["rules"][0]["when"] = condition
    assert not VALIDATOR.is_valid(journey)
    assert not loads(journey)
