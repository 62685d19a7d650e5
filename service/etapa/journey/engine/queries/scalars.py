"""How reasons show a value."""

from etapa.journey.engine.accumulators.kept_value import KEPT
from etapa.journey.language.kinds.condition import Observed


def scalar_text(value: object) -> Observed:
    """A value as a clause shows it: scalars as they are, lists and objects as a word."""
    # Nearly always; compiled code asks for several types at once in a far longer way.
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, int | float | bool):
        return value
    if isinstance(value, dict) and KEPT in value:
        return scalar_text(value[KEPT])
    return "a list" if isinstance(value, list) else "an object"
