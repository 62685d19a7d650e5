"""A long run shows its progress without disturbing the output of what it finds."""

import io

from tests.simulation.progress import SeedProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(stream: io.StringIO) -> str:
    progress = SeedProgress(400, stream, now=100.0)
    for seed in range(400):
        progress.step(100.0 + (seed + 1) / 4, failed=seed == 7)
    progress.clear()
    return stream.getvalue()


def test_elsewhere_than_on_a_terminal_a_line_comes_every_half_minute() -> None:
    assert told(io.StringIO()).splitlines() == [
        "120 of 400 seeds, 1 failing, 4 seeds/s, 1:10 min left",
        "240 of 400 seeds, 1 failing, 4 seeds/s, 0:40 min left",
        "360 of 400 seeds, 1 failing, 4 seeds/s, 0:10 min left",
    ]


def test_on_a_terminal_one_line_is_written_over_every_second_and_removed_in_the_end() -> None:
    lines = told(Terminal()).split("\r")
    assert lines[1] == "4 of 400 seeds, 0 failing, 4 seeds/s, 1:39 min left\x1b[K"
    assert len(lines) == 1 + 99 + 1
    assert lines[-1] == "\x1b[K"
