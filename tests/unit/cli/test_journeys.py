"""`etapa journeys`: the journeys to start from, and how to get one."""

import json
from pathlib import Path

import pytest

from etapa.contracts.journey_schema import journey_schema_text
from etapa.settings import SHIPPED_JOURNEY
from tests.unit.cli.process import etapa

NAMES = sorted(path.stem for path in SHIPPED_JOURNEY.parent.glob("*.yaml"))


def test_the_list_has_a_sentence_and_the_stages_of_each() -> None:
    done = etapa("journeys")
    text = " ".join(done.stdout.decode().split())
    assert done.returncode == 0
    assert "retail A shop's customer journey: six stages in three phases, for a shop that sells online and over the counter." in text
    assert "Stages: visitor, trial, active, enthusiast, at-risk, churned, win-back." in text
    assert [name for name in NAMES if name not in text] == []


def test_a_machine_gets_the_same_with_labels() -> None:
    found = json.loads(etapa("journeys", "--json").stdout)["journeys"]
    assert [each["name"] for each in found] == NAMES
    retail = next(each for each in found if each["name"] == "retail")
    assert retail["stages"][0] == {"id": "discovery", "phase": "pre-purchase", "label": {"en": "Discovery", "es": "Descubrimiento"}}
    assert retail["tests"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shown_can_be_saved_and_used(name: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_bytes(etapa("journeys", "show", name).stdout)
    assert etapa("validate", "--strict", str(mine)).returncode == 0
    assert mine.read_text("utf-8").splitlines()[3:] == (SHIPPED_JOURNEY.parent / f"{name}.yaml").read_text("utf-8").splitlines()[2:]


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_journey_looks_for_its_schema_beside_it_and_says_how_to_get_it(name: str) -> None:
    first, second = etapa("journeys", "show", name).stdout.decode().splitlines()[:2]
    assert first == "# yaml-language-server: $schema=journey.schema.json"
    assert "`etapa journeys schema > journey.schema.json`" in second


def test_the_schema_is_the_one_of_the_loader() -> None:
    assert etapa("journeys", "schema").stdout.decode() == journey_schema_text()


@pytest.mark.parametrize(("mistyped", "answer"), [("retial", "did you mean 'retail'?"), ("Retail.yaml", "did you mean 'retail'?")])
def test_a_mistyped_name_is_answered_with_the_nearest(mistyped: str, answer: str) -> None:
    done = etapa("journeys", "show", mistyped)
    assert (done.returncode, done.stdout) == (2, b"")
    assert answer in done.stderr.decode()


def test_a_name_that_is_near_to_none_is_answered_with_all() -> None:
    assert f"there are {', '.join(NAMES)}" in etapa("journeys", "show", "zzz").stderr.decode()
