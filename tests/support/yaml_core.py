"""Reads YAML by the core schema of YAML 1.2, like journey files: `on`, `yes` and `no` are texts. PyYAML itself reads YAML 1.1."""

import re
from typing import Any

import yaml


class _CoreLoader(yaml.SafeLoader):
    """Takes only `true` and `false` as booleans."""


_CoreLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def load(text: str) -> Any:
    """The value of one document."""
    return yaml.load(text, _CoreLoader)  # noqa: S506 - it is a safe loader
