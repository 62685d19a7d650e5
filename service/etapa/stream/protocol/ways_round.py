"""People who came back to a place that had sent on what came for their ids: what comes next may not overtake it. Pure.

It takes the same way, and is judged when it comes back, until a probe comes back with nothing behind it (docs/moving-customers.md, *Coming back*).
"""

from collections.abc import Iterable, Mapping

import msgspec

from etapa.contracts.stored.way_round import WayRound


class WaysRound:
    """The ways round of one place, by the ids that they are about."""

    def __init__(self, stored: Mapping[str, WayRound]) -> None:
        self._ways = dict(stored)
        self._changed: dict[str, WayRound | None] = {}
        """Since the last batch."""

    def __bool__(self) -> bool:
        return bool(self._ways)

    def of(self, customer_id: str) -> WayRound | None:
        """The way round of what comes for this id; none: it is for here."""
        return self._ways.get(customer_id)

    def one_of(self, customer_ids: Iterable[str]) -> str | None:
        """One of these ids that has a way round; none: whoever has them may leave."""
        return next((customer_id for customer_id in customer_ids if customer_id in self._ways), None)

    def begin(self, customer_id: str, way: WayRound) -> None:
        """Something is on this way, and a probe follows it."""
        self._ways[customer_id] = self._changed[customer_id] = way

    def sent_behind(self, customer_id: str) -> None:
        """Another touchpoint was sent round."""
        way = self._ways.get(customer_id)
        if way is not None and not way.is_used:
            self.begin(customer_id, msgspec.structs.replace(way, is_used=True))

    def is_back(self, customer_id: str, probe: int) -> WayRound | None:
        """A probe has come back: whatever was ahead of it is judged. Returns the way that needs another one, since something was sent behind it."""
        way = self._ways.get(customer_id)
        if way is None or way.probe != probe:
            # Whoever it was for has been forgotten since.
            return None
        if way.is_used:
            return way
        self.forget(customer_id)
        return None

    def forget(self, customer_id: str) -> None:
        """What comes for this id is for here from now on."""
        if self._ways.pop(customer_id, None) is not None:
            self._changed[customer_id] = None

    def take_changed(self) -> Mapping[str, WayRound | None]:
        """What the next batch stores; none: no longer there."""
        changed, self._changed = self._changed, {}
        return changed
