"""How long a bench will still take, told from how long its runs took so far."""

from collections.abc import Sequence
from statistics import mean


class TimeLeft:
    """Runs of the same names, round after round; a run of one that has had none yet is taken for as long as the others' on average."""

    def __init__(self, names: Sequence[str], rounds: int) -> None:
        self._to_come = [name for _ in range(rounds) for name in names]
        self._took: dict[str, float] = {}

    def done(self, name: str, seconds: float) -> None:
        """The next run of this name took so long."""
        self._to_come.remove(name)
        self._took[name] = seconds

    def out(self, name: str) -> None:
        """There are no more runs of this name."""
        self._to_come = [each for each in self._to_come if each != name]

    @property
    def minutes(self) -> float:
        if not self._took:
            return 0.0
        usual = mean(self._took.values())
        return sum(self._took.get(name, usual) for name in self._to_come) / 60
