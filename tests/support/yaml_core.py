"""YAML read by the core schema of YAML 1.2, as journey files are: `on`, `yes` and `no` are texts. PyYAML itself reads YAML 1.1."""

import re
from typing import Any

import yaml


class _CoreLoader(yaml.SafeLoader):
    """Knows `true` and `false` as booleans, and nothing else."""


_CoreLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def load(text: str) -> Any:
    """What one document holds."""
    return yaml.load(text, _CoreLoader)  # noqa: S506 - it is a safe loader
