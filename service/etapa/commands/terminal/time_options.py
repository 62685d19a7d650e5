"""Times on the command line: RFC 3339, or a date."""

import re

import click

from etapa.contracts.rfc3339 import parse_time


class Time(click.ParamType):
    """Microseconds since 1970. A date alone is its first moment in UTC."""

    name = "time"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the text, or fail as wrong use."""
        if isinstance(value, int):
            return value
        text = f"{value}T00:00:00Z" if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) else value
        try:
            return parse_time(text)
        except ValueError:
            self.fail(
                f"found {value!r}; allowed: a time with an offset such as 2026-11-21T10:00:00Z, or a date such as 2026-11-21", param, ctx
            )
