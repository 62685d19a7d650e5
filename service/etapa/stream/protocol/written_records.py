"""Records to be published that were written already, one behind the other."""

from etapa.contracts.record_body import read_body
from etapa.stream.protocol.made_when_asked import MadeWhenAsked
from etapa.stream.protocol.records import Outgoing


class WrittenRecords(MadeWhenAsked[Outgoing]):
    """Bodies of records (see `contracts.record_body`) and where each ends."""

    def __init__(self, bodies: bytearray, ends: list[int]) -> None:
        """Both may still grow."""
        self.bodies = bodies
        self.ends = ends

    def __len__(self) -> int:
        return len(self.ends)

    def _made(self, place: int) -> Outgoing:
        key, value, headers = read_body(bytes(self.bodies[self.ends[place - 1] if place else 0 : self.ends[place]]))
        return Outgoing(key, value, headers)
