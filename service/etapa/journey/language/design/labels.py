"""Texts for people, in one language or in several."""

from collections.abc import Mapping
from typing import Any

from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.maps import Field, TextMap
from etapa.journey.language.reading.shapes import BAD, Bad, Shape, Text
from etapa.journey.language.reading.yaml_nodes import Node, ScalarNode

_LANGUAGE = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"
EVERY_LANGUAGE = "mul"
"""The code for a text that is the same in every language: BCP 47's code for several languages."""


class Label(Shape[Mapping[str, str]]):
    """One text for all languages, or a map from languages to texts."""

    _BY_LANGUAGE = TextMap("a text, or a map of language codes to text, such as {en: Loyalty}", _LANGUAGE)

    def read(self, node: Node, report: Report) -> Mapping[str, str] | Bad:
        if not (isinstance(node, ScalarNode) and isinstance(node.value, str)):
            return self._BY_LANGUAGE.read(node, report)
        text = Text().read(node, report)
        return text if text is BAD else {EVERY_LANGUAGE: text}

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [Text().schema(), self._BY_LANGUAGE.schema()]}


LABEL = Field("label", Label(), "Its name for people: one text for all languages, or a map from language code to text.")
