"""The map as a picture: the sheet that the page draws of itself, as a file that any program can show."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Browser

from etapa.journey.map.document import JourneyMap
from etapa.languages.read import languages
from etapa.page.pictures import pdf_of, svg_of
from etapa.page.standalone import standalone_page
from tests.browser.test_map_page import clothes_shop_maps
from tests.browser.viewer import NARROW, looking

pytestmark = pytest.mark.browser

SVG = "{http://www.w3.org/2000/svg}"
A3 = (420, 297)
LOOKS = "[getComputedStyle(document.body).backgroundColor, document.documentElement.style.width, JSON.stringify(document.querySelector('.lanes').getBoundingClientRect())]"


@pytest.fixture(scope="module")
def maps() -> dict[str, JourneyMap]:
    return clothes_shop_maps()


@pytest.fixture(scope="module")
def address(maps: dict[str, JourneyMap], tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("map") / "map.html"
    path.write_text(standalone_page(maps, languages()), "utf-8")
    return path.as_uri()


def _drawn(picture: bytes | str) -> ET.Element:
    return ET.fromstring(picture)  # noqa: S314 - we have written it ourselves


def _texts(picture: bytes | str) -> list[str]:
    return ["".join(each.itertext()) for each in _drawn(picture).iter(f"{SVG}text")]


def _sheets(pdf: bytes) -> list[tuple[int, int]]:
    boxes = re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([0-9.]+)\s+([0-9.]+)", pdf)
    return [(round(float(width) / 72 * 25.4), round(float(height) / 72 * 25.4)) for width, height in boxes]


def test_a_picture_says_in_its_language_what_the_map_says(maps: dict[str, JourneyMap]) -> None:
    told = _texts(svg_of(maps, languages(), "es"))
    whole = maps[""]
    for stage in whole.stages:
        assert {stage.label["es"], str(stage.customers)} <= set(told)
        # On paper nothing is left out.
        assert {f"{each.count:,}".replace(",", ".") for each in stage.touchpoints if each.count} <= set(told)
    for flow in whole.flows:
        assert any(text.startswith(f"{flow.count} · ") for text in told) == (flow.count > 0)
    assert {persona.label["es"] for persona in whole.personas} <= set(told)
    assert not {"Guardar", "Tabla"} & set(told)


def test_a_picture_is_only_shapes_and_text_on_an_upright_sheet(maps: dict[str, JourneyMap]) -> None:
    picture = _drawn(svg_of(maps, languages(), "en"))
    used = {each.tag.removeprefix(SVG) for each in picture.iter()}
    assert used == {"svg", "title", "g", "rect", "circle", "line", "path", "text", "tspan", "defs", "linearGradient", "stop"}
    width, height = float(picture.get("width", 0)), float(picture.get("height", 0))
    assert width / height == pytest.approx(A3[0] / A3[1], abs=0.02)
    for text in picture.findall(f"{SVG}text"):
        assert 0 < float(text.get("x", 0)) < width
        assert 0 < float(text.get("y", 0)) < height


def test_a_pdf_is_one_sheet_of_a3(maps: dict[str, JourneyMap]) -> None:
    assert _sheets(pdf_of(maps, languages(), "en")) == [A3]


def test_a_phone_prints_the_same_sheet(chromium: Browser, address: str) -> None:
    with looking(chromium, address, "es-BO", window=NARROW) as seen:
        assert _sheets(seen.page.pdf(prefer_css_page_size=True, print_background=True)) == [A3]


def test_what_the_page_shows_can_be_saved_and_the_page_is_as_before(chromium: Browser, address: str, maps: dict[str, JourneyMap]) -> None:
    with looking(chromium, address, "en-GB", "dark") as seen:
        seen.page.get_by_role("combobox", name="Who").select_option("student")
        before = seen.page.evaluate(LOOKS)
        with seen.page.expect_download() as coming:
            seen.page.get_by_role("button", name="Save", exact=True).click()
        assert coming.value.suggested_filename == "clothes-shop.svg"
        told = _texts(Path(coming.value.path()).read_text("utf-8"))
        assert {str(stage.customers) for stage in maps["student"].stages} <= set(told)
        assert seen.page.evaluate(LOOKS) == before
        assert seen.complaints == []
