"""What `etapa doctor` finds: one thing that was looked at, how it is, and what to do."""

from typing import Literal

import msgspec

from etapa.hosting.trouble import Trouble, TroubleKind

Level = Literal["good", "warning", "bad"]
DeliveryCause = Literal["delivery_file", "secrets", "destination", "name_unknown"]
"""What keeps delivery from working that is no server's."""


class CheckResult(msgspec.Struct, frozen=True):
    """One line. Holds no secret."""

    area: Literal["Etapa", "Kafka", "Redis", "Delivery"]
    check: str
    """What was looked at, in a word or two."""
    level: Level
    """`bad`: Etapa does not work, or would do damage, before this is fixed. `warning`: it works, but not as it should."""
    found: str
    advice: str = ""
    """What to do; empty where nothing is to be done."""
    cause: TroubleKind | DeliveryCause | None = None
    """What keeps a server, or delivery, from being of use, in a word for machines."""

    @classmethod
    def of(cls, trouble: Trouble, check: str) -> "CheckResult":
        """A trouble with a server, as a line."""
        return cls(trouble.server, check, "bad", f"{trouble.server} at {trouble.address}: {trouble.found}", trouble.advice, trouble.kind)
