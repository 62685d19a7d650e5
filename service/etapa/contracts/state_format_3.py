"""The layout of customer states before format 4, to read those that were written then. Nothing writes it any more.

Times were written as they are, but for `clock`; and times in a window were always beside two lists of buckets, which most windows never have.
"""

from typing import Any

from etapa.contracts.state_format_4 import Format4, StandingInFormat4
from etapa.journey.engine.customer import Customer, Remembered


class Format3(Format4, array_like=True, frozen=True, gc=False, tag=3):
    """The fields mean what those of `Format4` mean, but `first_at` and the time in `before` are times, and no distances."""

    def customer(self, customer_id: str, known: bytes) -> Customer:
        """The same customer as it is laid out now."""
        return Customer(
            self.version,
            self.stage,
            self.due,
            self.entered_at,
            self.entered_at + self.clock,
            self.first_at,
            self.sequence,
            self.recent,
            flat(self.memory),
            self.rule,
            self.before,
            self.traits,
            self.outreach,
            self.began,
            known,
            customer_id,
        )


class StandingInFormat3(StandingInFormat4, array_like=True, frozen=True, gc=False, tag=3):
    """The first fields of `Format3`."""


def flat(memory: dict[str, list[Any]]) -> Remembered:
    """Memories as they were laid out before format 4, as they are laid out now.

    Which accumulator an entry is of need not be known: no other than a window of times had three lists. A latest time in a list of
    its own stays so until the next one.
    """
    return {key: entry[0] if len(entry) == 3 and isinstance(entry[0], list) and not entry[1] else entry for key, entry in memory.items()}
