"""Etapa reads what docs/journey-file.md shows."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from etapa.cli import main
from etapa.journey.language.kinds.table import CONDITIONS
from etapa.journey.language.load import load_journey

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "journey-file.md").read_text()
YAML_BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
JOURNEYS = [block for block in YAML_BLOCKS if block.startswith("journey:")]
LISTED = [block for block in YAML_BLOCKS if block.startswith("# fragment: conditions\n")]
LISTED_CONDITIONS: list[Any] = [one for block in LISTED for one in yaml.safe_load(block)]


@pytest.mark.parametrize("text", JOURNEYS)
def test_journeys_on_the_page_load_without_a_finding(text: str) -> None:
    assert [str(finding) for finding in load_journey(text, "page.yaml").findings] == []


@pytest.mark.parametrize("text", [text for text in JOURNEYS if "\ntests:" in text])
def test_tests_on_the_page_pass_and_leave_no_rule_out(text: str) -> None:
    ran = CliRunner().invoke(main, ["test", "--require-coverage", "-"], input=text)
    assert ran.exit_code == 0, ran.output


@pytest.mark.parametrize("condition", LISTED_CONDITIONS, ids=json.dumps)
def test_conditions_on_the_page_load_without_a_finding(condition: Any) -> None:
    there = {"id": "there", "from": "first", "to": "last", "when": condition}
    back = {"id": "back", "from": "last", "to": "first", "when": {"event": "reset"}}
    journey = {"journey": "page", "version": 1, "stages": [{"id": "first"}, {"id": "last"}], "rules": [there, back]}
    # JSON is YAML, and keeps every text as a text.
    assert [str(finding) for finding in load_journey(json.dumps(journey), "page.yaml").findings] == []


def test_the_page_shows_every_condition() -> None:
    shown = json.dumps(LISTED_CONDITIONS) + "".join(JOURNEYS)
    assert [name for name in CONDITIONS if not re.search(rf'[{{" ]{name}"?:', shown)] == []
    assert [name for name in CONDITIONS if f"`{name}`" not in PAGE] == []


def test_the_stage_change_on_the_page_follows_its_schema() -> None:
    (example,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    schema = json.loads((ROOT / "schemas" / "stage-change.schema.json").read_text())
    jsonschema.validate(json.loads(example), schema, format_checker=jsonschema.FormatChecker())
