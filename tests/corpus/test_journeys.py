"""Every journey file of the corpus is accepted, or refused with line, column and a readable message; none crashes or hangs the loader."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import load_journey

_WORDS = {
    "HEAD": "journey: a\nversion: 1\nstages:\n  - {id: a}\n  - {id: b}\nrules:",
    "RULES": "\n  - {id: r, to: b, when: {event: x}}\n",
}
CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("journeys.yaml").read_text("utf-8"))
LONGEST_LINE = 500
"""The most characters of a finding: quotations from a file must be cut."""
LONGEST_SOURCE = 1000


def piece(written: Any, before: int) -> str:
    if isinstance(written, str):
        return str(_WORDS.get(written, written))
    if "fill" in written:
        return str(written["fill"]) * int(written["to"] - before)
    times = int(written["times"])
    if "numbered" in written:
        return "".join(str(written["numbered"]).replace("%d", str(number)) for number in range(times))
    if "staircase" in written:
        return "".join("\n" + " " * number + str(written["staircase"]) for number in range(times))
    return str(written["text"]) * int(times)


def text_of(case: dict[str, Any]) -> str:
    text = ""
    for written in case["text"]:
        text += piece(written, len(text))
    return text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_journey_file_is_taken_or_refused_in_words(case: dict[str, Any]) -> None:
    text = text_of(case)
    loaded = load_journey(text, "corpus.yaml")
    errors = [finding for finding in loaded.findings if finding.severity == "error"]
    lines = text.count("\n") + text.count("\r") + 1
    for finding in loaded.findings:
        assert 1 <= finding.line <= lines + 1
        assert finding.column >= 1
        first = str(finding).splitlines()[0]
        assert len(first) <= LONGEST_LINE
        assert first.isprintable()
        assert len(finding.source_line) <= LONGEST_SOURCE
    if "says" in case:
        assert loaded.journey is None
        assert any(case["says"] in finding.message for finding in errors), [str(finding) for finding in errors[:3]]
    else:
        assert errors == []
        assert loaded.journey is not None
        compile_journey(loaded.journey)
