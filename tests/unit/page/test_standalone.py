"""A map as one file: it is self-contained, and nothing in it is treated as more than text."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from etapa.journey.language.load import journey_or_raise
from etapa.journey.map.draw import draw
from etapa.journey.map.figures import Figures
from etapa.journey.map.rules_told import RulesTold
from etapa.languages.read import languages
from etapa.page.standalone import bundled, standalone_page

ROOT = Path(__file__).parents[3]
MALICIOUS = '</script><script>alert(1)</script><!-- <img src="http://example.com/x.png">'
JOURNEY = f"""
journey: shop
version: 1
stages: [{{id: a, label: {json.dumps(MALICIOUS)}}}, {{id: b}}]
rules: [{{id: r, from: a, to: b, when: {{event: visit}}}}]
"""


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _page() -> str:
    journey = journey_or_raise(JOURNEY, "shop.yaml")
    return standalone_page({"": draw(journey, RulesTold(journey, languages()), Figures())}, languages())


def test_what_a_journey_file_says_stays_text() -> None:
    page = _page()
    elements = _Elements()
    elements.feed(page)
    assert [tag for tag, _ in elements.found] == [
        "html",
        "head",
        "meta",
        "meta",
        "meta",
        "title",
        "style",
        "body",
        "div",
        "script",
        "script",
    ]
    given = re.search(r'id="given">(.*?)</script>', page)
    assert given is not None
    assert json.loads(given[1])["maps"][""]["stages"][0]["label"] == {"mul": MALICIOUS}


def test_only_its_own_script_runs_and_nothing_is_loaded() -> None:
    elements = _Elements()
    elements.feed(_page())
    policy = next(attributes["content"] for tag, attributes in elements.found if attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+'; script-src 'sha256-[A-Za-z0-9+/=]+'; base-uri 'none'; form-action 'none'",
        policy,
    )
    assert not any("src" in attributes or "href" in attributes for _, attributes in elements.found)


def test_the_licences_of_what_is_bundled_come_with_it() -> None:
    told = bundled("LICENSES.txt")
    for package in json.loads((ROOT / "page" / "package.json").read_text("utf-8"))["dependencies"]:
        assert f"{package} " in told


@pytest.mark.skipif(shutil.which("node") is None or not (ROOT / "page" / "node_modules").is_dir(), reason="needs Node, and npm ci in page/")
def test_the_bundle_is_what_the_sources_build_to(tmp_path: Path) -> None:
    subprocess.run(["node", "build.mjs", str(tmp_path)], cwd=ROOT / "page", check=True, timeout=120)
    for built in sorted(tmp_path.iterdir()):
        assert built.read_text("utf-8") == bundled(built.name), f"{built.name} is out of date: make page"
