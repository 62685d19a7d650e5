"""Rules that can never match what people send, as they wrote them: `etapa validate` warns, and `--strict` refuses."""

from pathlib import Path

import pytest

from tests.unit.cli.process import etapa

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("case", "place", "words"),
    [
        ("path-into-a-list-is-taken", "8:37", "a path cannot lead to one element of a list"),
        ("nested-trait-is-taken", "8:19", "`address.city` is the name of one trait, not a path into `address`"),
        ("backspace-in-a-pattern", "8:65", "the pattern contains a backspace (U+0008)"),
        ("six-minutes-for-six-months", "8:30", "`6m` is 6 minutes"),
        ("count-470-where-369-is-true", "8:63", "so `gte: 420` may hold somewhat early or late"),
        ("downgrade-without-from", "6:10", 'write `from: "*"`, every other stage'),
    ],
)
def test_it_is_told_where_it_stands(case: str, place: str, words: str) -> None:
    file = str(HERE / case / "journey.yaml")
    done = etapa("validate", file)
    said = done.stdout.decode()
    assert done.returncode == 0
    assert f"{file}:{place}: warning: " in said
    assert words in said
    assert etapa("validate", "--strict", file).returncode == 1
