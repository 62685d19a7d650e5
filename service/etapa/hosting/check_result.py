"""A result of `etapa doctor`: what was checked, what was found, and what to do."""

from typing import Literal

import msgspec

from etapa.hosting.trouble import Trouble, TroubleKind

Level = Literal["good", "warning", "bad"]
DeliveryCause = Literal["delivery_file", "secrets", "destination", "name_unknown"]
"""What keeps delivery from working, apart from problems with servers."""


class CheckResult(msgspec.Struct, frozen=True):
    """One line. Holds no secret."""

    area: Literal["Etapa", "Kafka", "Redis", "Delivery"]
    check: str
    """What was checked, in a word or two."""
    level: Level
    """`bad`: Etapa does not work, or would do damage, before this is fixed. `warning`: it works, but not as it should."""
    found: str
    advice: str = ""
    """What to do; empty when there is nothing to do."""
    cause: TroubleKind | DeliveryCause | None = None
    """Why a server or delivery does not work, in a word for machines."""

    @classmethod
    def of(cls, trouble: Trouble, check: str) -> "CheckResult":
        """A problem with a server, as a line."""
        return cls(trouble.server, check, "bad", f"{trouble.server} at {trouble.address}: {trouble.found}", trouble.advice, trouble.kind)
