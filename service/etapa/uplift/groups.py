"""What is known about a group: sums, from which everything else is calculated."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sums:
    """A number of values, their sum and the sum of their squares."""

    number: int
    total: float
    squares: float

    @property
    def mean(self) -> float | None:
        return self.total / self.number if self.number else None


@dataclass(frozen=True, slots=True)
class GroupOutcomes:
    """How the goals of a group ended: how many ended, how many of those were met, and their value."""

    number: int
    met: int
    value: float = 0.0
    squares: float = 0.0
    """The sum of the squares of the values."""

    def __add__(self, other: "GroupOutcomes") -> "GroupOutcomes":
        return GroupOutcomes(self.number + other.number, self.met + other.met, self.value + other.value, self.squares + other.squares)

    @property
    def rate(self) -> float | None:
        return self.met / self.number if self.number else None

    def as_rates(self) -> Sums:
        """Met goals as ones, missed ones as zeros. One of each is added, so that a few equal outcomes do not look like a variance of zero.

        A. Agresti and B. Caffo, "Simple and effective confidence intervals for proportions and differences of proportions result from
        adding two successes and two failures", The American Statistician 54 (2000).
        """
        return Sums(self.number + 2, self.met + 1, self.met + 1)

    def as_values(self) -> Sums:
        return Sums(self.number, self.value, self.squares)
