"""Sources that come with Etapa, by name."""

from functools import cache
from importlib import resources


@cache
def names() -> tuple[str, ...]:
    """The presets, in the order of the alphabet."""
    return tuple(sorted(file.name.removesuffix(".yaml") for file in resources.files(__name__).iterdir() if file.name.endswith(".yaml")))


def text_of(name: str) -> str:
    """The file of a preset. Raises `KeyError`."""
    if name not in names():
        raise KeyError(name)
    return (resources.files(__name__) / f"{name}.yaml").read_text("utf-8")
