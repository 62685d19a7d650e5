"""The pages about testing journeys, comparing them and campaigns show what really happens: commands run, and their output is compared."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from etapa.journey.language.identity import REPLAYED_IN_FILES
from etapa.journey.language.load import load_journey
from tests.support.console_page import COMMAND, reader_environment

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PAGES = ["testing-a-journey.md", "diff.md", "campaigns.md", "report.md", "links.md"]
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = re.compile(r"in \d+\.\d\ds")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return reader_environment(tmp_path)


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_run_and_print_what_they_show(page: str, tmp_path: Path, environment: dict[str, str]) -> None:
    folder = tmp_path / "examples"
    shutil.copytree(EXAMPLES, folder)
    examples = [example for block in CONSOLE.findall((ROOT / "docs" / page).read_text()) for example in COMMAND.finditer(block)]
    assert len(examples) >= 3
    for example in examples:
        ran = subprocess.run(
            ["bash", "-c", example["command"]],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert f"$ {example['command']}\n{SECONDS.sub('in 0.01s', ran.stdout)}" == SECONDS.sub("in 0.01s", example[0])


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_the_journeys_of_the_examples_load_without_a_finding(file: Path) -> None:
    found = [str(finding) for finding in load_journey(file.read_text("utf-8"), file.name).findings]
    # The page about links shows it on files, and says what workers do.
    assert [line for line in found if REPLAYED_IN_FILES not in line] == []


def test_the_test_on_the_page_is_one_of_the_examples() -> None:
    """Except for `until`, which the page adds to show it."""
    page = (ROOT / "docs" / "testing-a-journey.md").read_text()
    (shown,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    example = (EXAMPLES / "bookshop.yaml").read_text()
    journey = load_journey(example.split("tests:\n")[0] + re.sub(" +#.*", "", shown), "page.yaml").journey
    whole = load_journey(example, "bookshop.yaml").journey
    assert journey is not None
    assert whole is not None
    assert (journey.tests[0].given, journey.tests[0].expect) in [(test.given, test.expect) for test in whole.tests]
