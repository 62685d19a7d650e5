"""The loader reads every YAML example in the documentation, and every journey among them passes its own tests.

A block is a whole journey, or its first line says what it is: `# fragment: conditions`, `# fragment: rules`, `# fragment: tests of FILE` or
`# fragment: campaigns of FILE` (a journey in docs/examples), `# refused: MESSAGE` or `# warned: MESSAGE` (one condition, and part of what is said of it). Excerpts of `because` must be what the journeys of their page really say.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from etapa.contracts.rfc3339 import format_time, parse_time
from etapa.journey.duration import parse_duration
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.kinds.table import CONDITIONS
from etapa.journey.language.load import journey_or_raise, load_journey
from etapa.journey.language.reading.findings import Finding
from etapa.rehearsal.coverage import Coverage
from etapa.rehearsal.scenarios import ScenarioOutcome, rehearse
from tests.support import yaml_core

DOCS = Path(__file__).parents[2] / "docs"
# The pages about delivery and sources show other files, which other tests read.
PAGES = sorted(page for page in DOCS.rglob("*.md") if page.name not in ("delivery.md", "sources.md"))
CONDITION_PAGES = DOCS / "conditions"
BEGUN = parse_time("2026-01-01T00:00:00Z")
"""The start of the tests whose `because` is shown."""


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def first(self) -> str:
        return self.text.partition("\n")[0]


def blocks() -> Iterator[Block]:
    for page in PAGES:
        text = page.read_text("utf-8")
        for fence in re.finditer(r"^```(yaml|json)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            yield Block(page, text.count("\n", 0, fence.start()) + 1, fence[1], fence[2])


BLOCKS = list(blocks())
EXAMPLES = [block for block in BLOCKS if block.language == "yaml"]
JOURNEYS = [block for block in EXAMPLES if block.first.startswith("journey:")]
MARK = re.compile("# (fragment|refused|warned): (.+)")


def marked(kind: str) -> list[Block]:
    return [block for block in EXAMPLES if (mark := MARK.fullmatch(block.first)) and mark[1] == kind]


def named(block: Block) -> str:
    return f"{block.page.relative_to(DOCS)}:{block.line}"


def serious(text: str) -> list[str]:
    return [str(finding) for finding in load_journey(text, "example.yaml").findings if finding.severity != "info"]


def journey_of(rules: list[Any]) -> str:
    """A small journey with these rules and the stages that they name."""
    sources = [rule.get("from", []) for rule in rules]
    names = [name for source in sources for name in (source if isinstance(source, list) else [source])] + [rule["to"] for rule in rules]
    stages = [{"id": name} for name in dict.fromkeys(names)]
    # JSON is YAML, and keeps every text as a text.
    return json.dumps({"journey": "fragment", "version": 1, "stages": stages, "rules": rules})


def around(condition: Any) -> str:
    """A small journey with this condition."""
    return journey_of([{"id": "there", "from": "here", "to": "there", "when": condition}])


def findings_about(block: Block) -> tuple[Finding, ...]:
    return load_journey(around(yaml_core.load(block.text)), "example.yaml").findings


def outcomes(block: Block) -> list[ScenarioOutcome]:
    journey = journey_or_raise(block.text, named(block))
    return [rehearse(compile_journey(journey), scenario) for scenario in journey.tests]


def test_every_example_is_a_journey_or_says_what_it_is() -> None:
    assert [named(block) for block in EXAMPLES if block not in JOURNEYS and not MARK.fullmatch(block.first)] == []


@pytest.mark.parametrize("block", JOURNEYS, ids=named)
def test_a_journey_loads_without_errors_or_warnings(block: Block) -> None:
    assert serious(block.text) == []


@pytest.mark.parametrize("block", JOURNEYS, ids=named)
def test_a_journey_has_tests_and_all_of_them_pass(block: Block) -> None:
    found = outcomes(block)
    assert found
    assert [(outcome.scenario.name, outcome.run.moves) for outcome in found if not outcome.passed] == []


@pytest.mark.parametrize("block", JOURNEYS, ids=named)
def test_the_tests_of_a_journey_fire_all_its_rules_enter_all_its_stages_and_trigger_all_its_campaigns(block: Block) -> None:
    coverage = Coverage(journey_or_raise(block.text, named(block)))
    for outcome in outcomes(block):
        coverage.add(outcome.run)
    assert (coverage.rules_not_fired, coverage.stages_not_entered, coverage.campaigns_not_triggered) == ([], [], [])


@pytest.mark.parametrize("block", marked("fragment"), ids=named)
def test_a_fragment_fits_into_a_journey(block: Block) -> None:
    content = yaml_core.load(block.text)
    match MARK.fullmatch(block.first)[2]:  # type: ignore[index] # it is marked
        case "conditions":
            assert [finding for condition in content for finding in serious(around(condition))] == []
        case "rules":
            assert serious(journey_of(content)) == []
        case tests if tests.startswith("tests of "):
            journey = yaml_core.load((DOCS / "examples" / tests.removeprefix("tests of ")).read_text("utf-8"))
            told = Block(block.page, block.line, "yaml", json.dumps(journey | content))
            assert [outcome.scenario.name for outcome in outcomes(told) if not outcome.passed] == []
        case campaigns if campaigns.startswith("campaigns of "):
            journey = yaml_core.load((DOCS / "examples" / campaigns.removeprefix("campaigns of ")).read_text("utf-8"))
            assert serious(json.dumps(journey | content)) == []
        case other:
            pytest.fail(f"no fragment is called {other}")


@pytest.mark.parametrize("block", [*marked("refused"), *marked("warned")], ids=named)
def test_what_is_shown_to_be_wrong_is_answered_with_that_message(block: Block) -> None:
    kind, message = MARK.fullmatch(block.first).groups()  # type: ignore[union-attr] # it is marked
    severity = {"refused": "error", "warned": "warning"}[kind]
    assert [finding.message for finding in findings_about(block) if finding.severity == severity and message in finding.message] != []


def clauses_told(page: Path) -> list[list[dict[str, Any]]]:
    """The `because` of the changes in the tests of a page's journeys."""
    runs = [outcome.run for block in JOURNEYS if block.page == page for outcome in outcomes(block)]
    return [
        [{"condition": clause.condition, "observed": since_begun(clause.condition, clause.observed)} for clause in move.because]
        for run in runs
        for move in run.moves
    ]


def since_begun(condition: str, observed: Any) -> Any:
    """Tests count times from their start; a page shows them as in a stage change."""
    if condition.startswith(("absent(", "idle(")) and isinstance(observed, str):
        return format_time(BEGUN + parse_duration(observed))
    return observed


BECAUSE = [block for block in BLOCKS if block.language == "json" and block.text.startswith("[")]


@pytest.mark.parametrize("block", BECAUSE, ids=named)
def test_an_excerpt_of_because_is_what_a_journey_of_the_page_says(block: Block) -> None:
    assert json.loads(block.text) in clauses_told(block.page)


SECTIONS = {"True when", "As time passes", "Late touchpoints", "What it remembers", "In `because`", "A common mistake", "Example"}


@pytest.mark.parametrize("name", CONDITIONS)
def test_every_condition_has_a_page_that_answers_all_questions_and_uses_it(name: str) -> None:
    page = CONDITION_PAGES / f"{name}.md"
    text = page.read_text("utf-8")
    assert text.startswith(f"# {name}\n")
    assert SECTIONS - set(re.findall(r"^## (.+)$", text, re.MULTILINE)) == set()
    assert any(re.search(rf"\b{name}:", block.text) for block in JOURNEYS if block.page == page)
    assert [block for block in BECAUSE if block.page == page] != []


@pytest.mark.parametrize(
    ("index", "pages"),
    [(CONDITION_PAGES / "README.md", CONDITION_PAGES.glob("*.md")), (DOCS / "README.md", [*DOCS.glob("*.md"), *DOCS.glob("*/README.md")])],
    ids=["conditions", "docs"],
)
def test_an_index_leads_to_every_page(index: Path, pages: Iterator[Path]) -> None:
    text = index.read_text("utf-8")
    assert [page for page in pages if page != index and f"({page.relative_to(index.parent)})" not in text] == []
