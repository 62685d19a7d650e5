"""Every document names only what exists: files, make targets, commands, settings, metrics."""

import re
from itertools import combinations, pairwise
from pathlib import Path

import click
import pytest

from etapa.cli import main
from etapa.settings import FILE_SUFFIX, SETTINGS, variable_of

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])


@pytest.fixture(params=DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def document(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text())
    assert [target for target in targets if "://" not in target and not (document.parent / target).exists()] == []


def test_links_within_a_page_lead_to_a_heading(document: Path) -> None:
    lost = []
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", document.read_text()):
        page = document.parent / target if target else document
        if "://" not in target and page.suffix == ".md" and anchor not in anchors(page):
            lost.append(f"{target}#{anchor}")
    assert lost == []


def test_messages_name_sections_that_exist() -> None:
    """Messages refer to sections such as `'Access control' in docs/operations.md`, and alerts to sections of the runbook."""
    sources = [*(ROOT / "service").rglob("*.py"), ROOT / "deploy" / "prometheus" / "alerts.yml"]
    texts = [re.sub(r'"\n\s*f?"', "", source.read_text()) for source in sources]
    named = {(page, heading) for text in texts for heading, page in re.findall(r"'([^'\n]{3,40})' in docs/([a-z-]+\.md)", text)}
    linked = {(page, anchor) for text in texts for page, anchor in re.findall(r"docs/([a-z-]+\.md)#([a-z0-9-]+)", text)}
    assert len(named) >= 3
    assert len(linked) >= 10
    wanted = linked | {(page, anchor_of(heading)) for page, heading in named}
    assert {(page, anchor) for page, anchor in wanted if anchor not in anchors(ROOT / "docs" / page)} == set()


def anchors(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return {anchor_of(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def anchor_of(heading: str) -> str:
    """The anchor that GitHub makes: lower case, without punctuation, dashes for blanks."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")


def test_the_changelog_says_each_thing_once() -> None:
    """Merging two branches easily leaves an entry twice, in an old and a new wording."""
    unreleased = (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1]
    entries = [" ".join(entry.split()) for entry in re.split(r"^- ", unreleased, flags=re.MULTILINE)[1:]]
    alike = [(one[:60], other[:60]) for one, other in combinations(entries, 2) if shared(one, other) > 0.5]
    assert alike == []


def shared(one: str, other: str) -> float:
    """The share of the shorter text that is also in the longer one, by pairs of words."""
    pairs = [{*pairwise(text.split())} for text in (one, other)]
    return len(pairs[0] & pairs[1]) / max(1, min(map(len, pairs)))


def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:`|^ {4})make ([a-z-]+)", document.read_text(), re.MULTILINE)
    assert set(named) - targets == set()


def test_settings_exist(document: Path) -> None:
    # The last two are not the worker's: they control an installation and a build.
    known = {*(variable_of(name) for name in SETTINGS), "ETAPA_COMPILE", "ETAPA_SOURCE_URL"}
    named = set(re.findall(r"\bETAPA_[A-Z][A-Z_]*[A-Z]", document.read_text()))
    assert {name for name in named if name not in known and name.removesuffix(FILE_SUFFIX) not in known} == set()


def test_commands_exist(document: Path) -> None:
    named = re.findall(r"(?:`|^|^ {4}|^\$ )etapa ([a-z][a-z-]*)(?: ([a-z][a-z-]*)\b)?", document.read_text(), re.MULTILINE)
    context = click.Context(main)
    unknown = []
    for command, subcommand in named:
        found = main.get_command(context, command)
        if found is None or (isinstance(found, click.Group) and subcommand and found.get_command(context, subcommand) is None):
            unknown.append(f"{command} {subcommand}".strip())
    assert unknown == []


def test_contributing_names_every_room_and_no_other() -> None:
    package = ROOT / "service" / "etapa"
    rooms = {f"{folder.parent.relative_to(package)}/" for folder in package.rglob("__init__.py") if folder.parent != package}
    table = re.findall(r"^\| `([a-z_/]+/)` \| ([^|]+) \| ([^|]+) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert sorted(room for room, _, _ in table) == sorted(rooms)
    assert all(lives.strip() and may_not.strip() for _, lives, may_not in table)
