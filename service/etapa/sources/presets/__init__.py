"""Sources that come with Etapa, by name."""

from functools import cache
from importlib import resources


@cache
def names() -> tuple[str, ...]:
    """The names of the presets, in alphabetical order."""
    return tuple(sorted(file.name.removesuffix(".yaml") for file in resources.files(__name__).iterdir() if file.name.endswith(".yaml")))


def text_of(name: str) -> str:
    """The text of a preset's file. Raises `KeyError`."""
    if name not in names():
        raise KeyError(name)
    return (resources.files(__name__) / f"{name}.yaml").read_text("utf-8")
