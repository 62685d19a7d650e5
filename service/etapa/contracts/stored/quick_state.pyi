from collections.abc import Callable, Mapping

import msgspec

from etapa.contracts.stored.in_common import InCommon
from etapa.journey.engine.facts.customer import Customer

class StateWriter:
    def __init__(
        self, format_number: int, structs: tuple[type[msgspec.Struct], ...], spell: Callable[[Customer, InCommon], bytes], /
    ) -> None: ...
    def start(self, customers: list[Customer], start: int, common: InCommon, numbers: Mapping[str, int], /) -> None: ...
    def add(self, *values: object) -> None: ...
    def finish(self) -> tuple[int, bytes, int, bytes, int, bytes, int, bytes]: ...
