"""What a reader takes from the map at a glance: what belongs to the design, what a choice of a channel changes, and how long a bar is."""

import io
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import etapa
from bench.workload.touchpoints import made_up
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.map.document import JourneyMap
from etapa.journey.map.rules_told import RulesTold
from etapa.journey.units import DAY, SECOND
from etapa.languages.read import languages
from etapa.page.standalone import standalone_page
from etapa.rehearsal.file_figures import FileFigures
from etapa.rehearsal.file_maps import FileMaps
from etapa.rehearsal.summary import Summary, replayed
from tests.browser.test_map_page import clothes_shop_maps
from tests.browser.viewer import NARROW, looking

pytestmark = pytest.mark.browser

RETAIL = Path(etapa.__file__).parent / "journeys" / "retail.yaml"
START = 1_735_689_600 * SECOND
LONG = "Looks at everything that hangs, lies or stands in the stall, " * 4
BARE = f"""
journey: stall
version: 1
types: {{visit: {{label: "{LONG.strip()}"}}, purchase: }}
stages:
  - {{id: visitor, label: {{en: Visitor}}}}
  - {{id: buyer, label: {{en: Buyer}}}}
rules:
  - {{id: buys, from: visitor, to: buyer, when: {{event: purchase}}}}
"""
EVENTS = (
    b'{"id":"1","customer_id":"a","type":"visit","occurred_at":"2026-01-01T00:00:00Z","channel":"web"}\n',
    b'{"id":"2","customer_id":"a","type":"purchase","occurred_at":"2026-01-03T00:00:00Z","channel":"web"}\n',
)


@pytest.fixture(scope="module")
def maps() -> dict[str, JourneyMap]:
    return clothes_shop_maps()


@pytest.fixture(scope="module")
def address(maps: dict[str, JourneyMap], tmp_path_factory: pytest.TempPathFactory) -> str:
    return _written(maps, tmp_path_factory.mktemp("map") / "map.html")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The map of a journey that designs nothing but stages and rules."""
    return _written(_maps(BARE, io.BytesIO(b"".join(EVENTS))), tmp_path_factory.mktemp("bare") / "map.html")


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The map of a shop whose customers come by every channel, stay too long and turn back everywhere."""
    events = b"".join(value + b"\n" for _, value in made_up(20_000, 1_500, START, START + 120 * DAY))
    return _written(_maps(RETAIL.read_text("utf-8"), io.BytesIO(events)), tmp_path_factory.mktemp("busy") / "map.html")


def _maps(journey_file: str, events: io.BytesIO) -> dict[str, JourneyMap]:
    journey = journey_or_raise(journey_file, "journey.yaml")
    figures = FileFigures()
    maps = FileMaps(journey, RulesTold(journey, languages()))
    for each in replayed(compile_journey(journey), journey, events, summary=Summary(journey, figures=figures)):
        maps.told(each)
    return dict(maps.drawn(figures.ledger, None))


def _written(maps: dict[str, JourneyMap], path: Path) -> str:
    path.write_text(standalone_page(maps, languages()), "utf-8")
    return path.as_uri()


def _lane(page: Page, key: str) -> str:
    return page.locator(f".lane.{key} th").inner_text()


def test_without_a_design_nothing_is_marked_as_beside_it(chromium: Browser, bare: str) -> None:
    with looking(chromium, bare, "en-GB") as seen:
        assert seen.page.locator(".plate").count() == 2
        assert seen.page.locator(".plate.off").count() == 0
        assert seen.page.locator(".plus").count() == 0
        assert seen.page.locator(".unplanned .bar").count() == 0
        assert seen.page.locator(".head .title").inner_text().split() == ["stall", "version", "1"]
        seen.page.locator(".ribbon").first.focus()
        seen.page.keyboard.press("Enter")
        assert seen.page.locator(".panel .kind").inner_text() == "A step forward"
        assert seen.keeps_out() == []


def test_a_long_name_ends_with_its_column_and_can_be_read_whole(chromium: Browser, bare: str) -> None:
    with looking(chromium, bare, "en-GB") as seen:
        touchpoints = seen.page.locator(".lanes .touchpoint")
        beyond = touchpoints.evaluate_all(
            "all => all.filter(each => each.getBoundingClientRect().right > each.closest('td').getBoundingClientRect().right).length"
        )
        assert (touchpoints.count(), beyond) == (2, 0)
        assert touchpoints.first.get_attribute("title") == f"{LONG.strip()}, web"


@pytest.mark.parametrize("language", ["en-GB", "es-BO"])
def test_a_busy_map_fits_a_desk_and_names_its_channels_whole(chromium: Browser, busy: str, language: str) -> None:
    with looking(chromium, busy, language) as seen:
        assert seen.fits() == (True, True)
        names = seen.page.locator(".channel:visible .name")
        assert names.count() >= 18
        assert [each for each in names.all() if each.evaluate("name => name.scrollWidth > name.clientWidth")] == []


def test_with_a_design_what_is_not_in_it_is_marked(chromium: Browser, address: str) -> None:
    with looking(chromium, address, "en-GB") as seen:
        marked = seen.page.locator(".touchpoint", has=seen.page.locator(".plus")).all_inner_texts()
        assert any("Answers a survey" in each for each in marked)
        assert not any("Watches a reel" in each for each in marked)


def test_a_row_that_is_not_about_the_chosen_channel_says_so(chromium: Browser, address: str) -> None:
    with looking(chromium, address, "en-GB") as seen:
        rows = {key: _lane(seen.page, key) for key in ("ways", "in_front", "channels", "feeling", "stay", "campaigns")}
        assert not any("All channels" in told for told in rows.values())
        seen.page.get_by_role("combobox", name="Channel").select_option("whatsapp")
        rows = {key: _lane(seen.page, key) for key in rows}
        assert {key for key, told in rows.items() if "All channels" in told} == {"ways", "feeling", "stay", "campaigns"}
        expect(seen.page.locator(".findings > .hint")).to_have_text("All channels")
        assert seen.fits() == (True, True)
        assert seen.keeps_out() == []


def test_the_rule_behind_a_detour_is_told_as_a_sentence_too(chromium: Browser, address: str) -> None:
    with looking(chromium, address, "es-BO") as seen:
        rule = seen.page.locator(".findings code").first
        assert rule.inner_text() == "lets-the-cart-go"
        assert (rule.get_attribute("title") or "").startswith("De «Consideración» a «Descubrimiento» cuando")


def test_the_row_of_feelings_says_what_they_are_measured_on(chromium: Browser, address: str) -> None:
    with looking(chromium, address, "es-BO") as seen:
        assert _lane(seen.page, "feeling").split("\n") == ["Cómo se sienten", "1 peor, 5 mejor"]


def test_the_bar_of_a_share_is_as_long_as_the_share(chromium: Browser, address: str, maps: dict[str, JourneyMap]) -> None:
    onward = [stage.onward.share for stage in maps[""].stages if stage.onward is not None]
    with looking(chromium, address, "en-GB") as seen:
        bars = (
            seen.page.locator(".beside", has_text="move on")
            .locator(".fill")
            .evaluate_all("all => all.map(each => +each.getAttribute('width'))")
        )
        assert bars == pytest.approx([100 * share for share in onward])


def test_on_a_phone_an_arrow_stays_with_the_name_of_its_stage(chromium: Browser, address: str) -> None:
    with looking(chromium, address, "es-BO", window=NARROW) as seen:
        names = seen.page.locator(".card .way .name")
        assert "↩\u00a0Descubrimiento" in names.all_inner_texts()
        lines = names.evaluate_all(
            "all => all.map(each => { const range = document.createRange(); range.selectNodeContents(each);"
            " return new Set([...range.getClientRects()].map(box => Math.round(box.top))).size })"
        )
        assert set(lines) == {1}


def test_a_phone_shows_campaigns_too(chromium: Browser, address: str) -> None:
    with looking(chromium, address, "es-BO", window=NARROW) as seen:
        assert "Tu carrito te espera" in seen.page.locator(".card", has_text="Descubrimiento").first.inner_text()


def test_marks_of_moments_are_read_in_the_dark_whoever_chose_it(chromium: Browser, address: str) -> None:
    white = "rgb(255, 255, 255)"
    with looking(chromium, address, "en-GB", "dark") as seen:
        mark = seen.page.locator(".mark.positive").first
        assert mark.evaluate("each => getComputedStyle(each).color") == white
        seen.page.get_by_role("combobox", name="Colours").select_option("dark")
        assert mark.evaluate("each => getComputedStyle(each).color") == white
