"""The conditions on what did not happen: `absent` and `idle`."""

from typing import Final

from etapa.journey.engine.accumulators.ever import Latest
from etapa.journey.engine.conditions.condition import CompiledLeaf
from etapa.journey.engine.conditions.surroundings import Surroundings
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import NEVER, instant_text
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.kinds.absence import Absent
from etapa.journey.language.kinds.condition import Observed


class NothingFor(CompiledLeaf):
    """No matching touchpoint for a duration, all of which the customer was known. Written `absent` or `idle`."""

    __slots__ = ("duration", "key", "place")

    def __init__(self, text: str, latest: Latest, duration: int) -> None:
        super().__init__(text)
        self.key: Final = latest.key
        self.place: Final = latest.place
        self.duration: Final = duration

    def holds(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> bool:
        return now >= self.since(customer) + self.duration

    def until(self, customer: Customer, now: int) -> int:
        at = self.since(customer) + self.duration
        return at if at > now else NEVER

    def rises(self, customer: Customer, now: int) -> int:
        return self.since(customer) + self.duration

    def memory_key(self) -> str | None:
        return self.key

    def observed(self, customer: Customer, now: int, touchpoint: Touchpoint | None) -> Observed:
        entry = customer.memory[self.place]
        return None if entry is None else instant_text(entry)

    def changes_by_time(self) -> tuple[bool, bool]:
        return True, False

    def since(self, customer: Customer) -> int:
        """The time of the latest match, or since when matches have been watched for."""
        entry = customer.memory[self.place]
        since: int = customer.first_at if entry is None else entry
        if customer.began:
            began = customer.began.get(self.key)
            if began is not None and began[1] > since:
                return began[1]
        return since


def compile_absent(written: Absent, text: str, surroundings: Surroundings) -> CompiledLeaf:
    return NothingFor(text, surroundings.shared(Latest(written.match)), written.duration)
