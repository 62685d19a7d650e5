"""The results of journey files' tests, as JSON and as JUnit XML."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import click

from etapa.commands.files.journey_files import shown
from etapa.commands.results.difference import difference, in_short
from etapa.commands.results.junit import Case, Suite
from etapa.journey.duration import format_duration
from etapa.journey.language.load import Loaded
from etapa.journey.language.model import ExpectedChange, ExpectedGoal
from etapa.rehearsal.coverage import Coverage
from etapa.rehearsal.missing_change import Absence
from etapa.rehearsal.scenarios import ScenarioMove, ScenarioOutcome

Status = Literal["passed", "failed", "error"]


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """The result of one test."""

    outcome: ScenarioOutcome
    line: int
    seconds: float
    absence: Absence | None

    @property
    def name(self) -> str:
        return self.outcome.scenario.name

    @property
    def status(self) -> Status:
        if self.outcome.run.failures:
            return "error"
        return "passed" if self.outcome.passed else "failed"


@dataclass
class FileResult:
    """The results of one file."""

    path: str
    loaded: Loaded | None
    """None when the file cannot be read."""
    trouble: str = ""
    """Why its tests could not be run; empty when they could."""
    results: list[ScenarioResult] = field(default_factory=list)
    deselected: int = 0
    coverage: Coverage | None = None
    """None when not all tests were run."""
    type_findings: list[str] = field(default_factory=list)
    """Conditions that met values of a type that they cannot use in these tests."""

    def number_of(self, status: Status) -> int:
        return sum(result.status == status for result in self.results)


def suite(file: FileResult) -> Suite:
    if file.loaded is None or file.loaded.journey is None:
        findings = file.loaded.findings if file.loaded else ()
        text = "\n".join(shown(finding) for finding in findings) or file.trouble
        return Suite(file.path, file.path, [Case("the file can be read", None, 0.0, "error", file.trouble, text)])
    return Suite(file.loaded.journey.id, file.path, [case(file, result) for result in file.results])


def case(file: FileResult, result: ScenarioResult) -> Case:
    if result.outcome.passed:
        return Case(result.name, result.line, result.seconds)
    lines = [f"{file.path}:{result.line}: {result.name}", "", *difference(result.outcome, result.absence, 120)]
    kind: Literal["failure", "error"] = "error" if result.status == "error" else "failure"
    return Case(result.name, result.line, result.seconds, kind, in_short(result.outcome), click.unstyle("\n".join(lines)))


def as_object(files: Sequence[FileResult], good: bool) -> dict[str, Any]:
    return {
        "ok": good,
        **totals_of(files),
        "deselected": sum(file.deselected for file in files),
        "files": [file_object(file) for file in files],
    }


def totals_of(files: Sequence[FileResult]) -> dict[str, int]:
    statuses: tuple[Status, ...] = ("passed", "failed", "error")
    return {status: sum(file.number_of(status) for file in files) for status in statuses}


def file_object(file: FileResult) -> dict[str, Any]:
    found: dict[str, Any] = {"file": file.path}
    if file.trouble:
        return found | {"trouble": file.trouble, "tests": []}
    if file.loaded is not None and file.loaded.journey is not None:
        found |= {"journey": file.loaded.journey.id, "version": file.loaded.journey.version}
    found["type_mismatches"] = file.type_findings
    found["tests"] = [_test_object(result) for result in file.results]
    coverage = file.coverage
    found["coverage"] = (
        None
        if coverage is None
        else {
            "rules": coverage.rules,
            "rules_not_fired": coverage.rules_not_fired,
            "stages": coverage.stages,
            "stages_not_entered": coverage.stages_not_entered,
            "campaigns": coverage.campaigns,
            "campaigns_not_triggered": coverage.campaigns_not_triggered,
        }
    )
    return found


def _test_object(result: ScenarioResult) -> dict[str, Any]:
    outcome = result.outcome
    return {
        "name": result.name,
        "line": result.line,
        "status": result.status,
        "expected": [_change_object(change) for change in outcome.scenario.expect],
        "actual": [_move_object(move) for move in outcome.run.moves],
        "triggers": outcome.run.triggers,
        "outcomes": [_outcome_object(each) for each in outcome.run.outcomes],
        "problems": [*outcome.problems, *outcome.run.failures],
        "why_not": None if result.absence is None else _absence_object(result.absence),
    }


def _outcome_object(outcome: ExpectedGoal) -> dict[str, Any]:
    return {"at": format_duration(outcome.at), "campaign": outcome.campaign, "met": outcome.met, "value": outcome.value}


def _absence_object(absence: Absence) -> dict[str, Any]:
    rules = [{"rule": rule, "because": clauses} for rule, clauses in absence.rules]
    return {"expected": _change_object(absence.expected), "reason": absence.reason, "rules": rules}


def _change_object(change: ExpectedChange) -> dict[str, Any]:
    return {"at": format_duration(change.at), "to": change.to}


def _move_object(move: ScenarioMove) -> dict[str, Any]:
    return _change_object(move.as_expected()) | {"from": move.source, "rule": move.rule, "cause": move.cause, "because": move.because}
