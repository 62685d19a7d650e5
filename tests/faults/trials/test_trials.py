from pathlib import Path

import pytest

from tests.faults.trials.all_trials import SHORT

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


@pytest.mark.parametrize("name", ["overload", "poison-unjudgeable", "kafka-forbidden"])
def test_what_is_too_much_or_lacking_does_no_harm(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The trials that no smaller test covers; `make faults ARGS="--only all"` runs all of them, and for longer."""

    def tell(words: str) -> None:
        with capsys.disabled():
            print(f"{name}: {words}")  # noqa: T201 - what takes this long should be seen to move

    figures = SHORT[name](tmp_path, tell)
    assert figures["touchpoints"] > 500
