"""What the page about campaigns says about triggers and holdout groups really happens."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from etapa.journey.engine.facts.changes import TRIGGER_OUTCOMES
from etapa.journey.engine.judging.control_groups import control_group_bound, control_group_number

PAGE = (Path(__file__).parents[2] / "docs" / "campaigns.md").read_text("utf-8")


def block(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def test_the_trigger_on_the_page_is_the_one_that_is_printed_above_it() -> None:
    (printed,) = [line for line in PAGE.splitlines() if line.startswith('{"id":"')]
    assert list(json.loads(block("json")).items()) == list(json.loads(printed).items())


def test_the_recipe_for_control_groups_is_that_of_the_engine() -> None:
    found: dict[str, Any] = {}
    exec(block("python"), found)  # noqa: S102 - it is our own page
    is_held_out: Callable[[str, str, float], bool] = found["is_held_out"]
    for number in range(1000):
        for share in (0.0, 0.1, 0.333333, 1.0):
            customer_id = f"niño-{number}"
            assert is_held_out("welcome", customer_id, share) is (control_group_number("welcome", customer_id) < control_group_bound(share))


def test_the_reasons_are_listed_in_the_order_in_which_they_are_asked() -> None:
    reasons = re.findall(r"^\d\. `(\w+)`", PAGE, re.MULTILINE)
    assert ("published", "holdout", *reasons) == TRIGGER_OUTCOMES
