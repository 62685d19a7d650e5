"""The tests in a source file: records with their expected outcomes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.rfc3339 import parse_time
from etapa.sources.language.model import ExpectedOutcome, Trial
from etapa.sources.mapping import Mapper
from etapa.sources.record_outcome import Outcome


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The result of a test. `differences` is empty when everything is as expected."""

    number: int
    line: int
    differences: tuple[str, ...]


def run_trials(mapper: Mapper, read: Callable[[bytes], Any]) -> Iterator[TrialResult]:
    """Run the tests of the mapper's source, in order. `read` reads records that are given as bytes, or says why not."""
    for number, trial in enumerate(mapper.source.trials, 1):
        record = read(trial.given) if isinstance(trial.given, bytes) else trial.given
        outcomes = [record] if isinstance(record, Rejected) else mapper.outcomes(record, TouchpointLimits(takes_links=True))
        yield TrialResult(number, trial.line, tuple(_differences(trial, outcomes)))


def _differences(trial: Trial, outcomes: Sequence[Outcome]) -> Iterator[str]:
    if len(outcomes) != len(trial.expect):
        yield f"expected {len(trial.expect)} outcomes, found {len(outcomes)}: {'; '.join(map(described, outcomes))}"
        return
    for place, (expected, found) in enumerate(zip(trial.expect, outcomes, strict=True), 1):
        where = f"outcome {place}: " if len(outcomes) > 1 else ""
        for difference in _compared(expected, found):
            yield where + difference


def described(outcome: Outcome) -> str:
    """An outcome in words."""
    if isinstance(outcome, SkippedRecord):
        return f"skipped ({outcome.rule})"
    if isinstance(outcome, Rejected):
        return f"dead letter {outcome.reason}: {outcome.detail}"
    return f"a touchpoint: {outcome.json.decode()}"


def _compared(expected: ExpectedOutcome, found: Outcome) -> Iterator[str]:
    if expected.fields is None:
        as_expected = (
            isinstance(found, SkippedRecord) if expected.skipped else isinstance(found, Rejected) and found.reason == expected.dead
        )
        if not as_expected:
            yield f"expected {'skipped' if expected.skipped else f'dead letter {expected.dead}'}, found {described(found)}"
        return
    if isinstance(found, SkippedRecord | Rejected):
        yield f"expected a touchpoint, found {described(found)}"
        return
    written: dict[str, Any] = msgspec.json.decode(found.json)
    for field, value in expected.fields.items():
        if not _same(field, value, written.get(field)):
            yield f"{field}: expected {_json(value)}, found {_json(written.get(field))}"


def _same(field: str, expected: Any, found: Any) -> bool:
    if field == "occurred_at" and isinstance(expected, str) and isinstance(found, str):
        try:
            return parse_time(expected) == parse_time(found)
        except ValueError:
            return False
    return _equal(expected, found)


def _equal(expected: Any, found: Any) -> bool:
    """Equality as in JSON: 1 equals 1.0, and true equals only true."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(_equal(value, found[key]) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(_equal(*pair) for pair in zip(expected, found, strict=True))
    return isinstance(expected, bool) == isinstance(found, bool) and bool(expected == found)


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
