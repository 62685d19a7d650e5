"""Results as JUnit XML for build servers: a suite for each file, a case for each test."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

# Characters that XML 1.0 cannot contain, even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One test. `kind` None: it passed; `failure`: a result was wrong; `error`: it could not be judged."""

    name: str
    line: int | None
    seconds: float
    kind: Literal["failure", "error"] | None = None
    message: str = ""
    """One line."""
    text: str = ""
    """Everything."""


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one file. `name` is the journey's id, or the file's name if it could not be read."""

    name: str
    file: str
    cases: Sequence[Case]


def junit_xml(suites: Sequence[Suite]) -> bytes:
    """The whole document, in UTF-8."""
    root = Element("testsuites", {"name": "etapa", **_totals([case for suite in suites for case in suite.cases])})
    for suite in suites:
        element = SubElement(root, "testsuite", {"name": _clean(suite.name), "file": _clean(suite.file), **_totals(suite.cases)})
        for case in suite.cases:
            element.append(_case(suite, case))
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _case(suite: Suite, case: Case) -> Element:
    line = {} if case.line is None else {"line": str(case.line)}
    attributes = {"classname": _clean(suite.name), "name": _clean(case.name), "file": _clean(suite.file), **line}
    element = Element("testcase", {**attributes, "time": f"{case.seconds:.6f}"})
    if case.kind is not None:
        SubElement(element, case.kind, {"message": _clean(case.message), "type": case.kind}).text = _clean(case.text)
    return element


def _totals(cases: Sequence[Case]) -> dict[str, str]:
    return {
        "tests": str(len(cases)),
        "failures": str(sum(case.kind == "failure" for case in cases)),
        "errors": str(sum(case.kind == "error" for case in cases)),
        "skipped": "0",
        "time": f"{sum(case.seconds for case in cases):.6f}",
    }


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
