"""The journey map as a file: in two languages, light and dark, on a desktop, on a phone, on paper, and with only the keyboard."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import etapa
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.map.document import JourneyMap
from etapa.journey.map.rules_told import RulesTold
from etapa.languages.read import languages
from etapa.page.standalone import standalone_page
from etapa.rehearsal.file_figures import FileFigures
from etapa.rehearsal.file_maps import FileMaps
from etapa.rehearsal.summary import Summary, replayed
from tests.browser.viewer import NARROW, looking
from tests.support.made_up_shop import Planted, as_file, shop

pytestmark = pytest.mark.browser

FILE = Path(etapa.__file__).parent / "journeys" / "clothes-shop.yaml"
ENDS_ON_THE_WAY = 150


@pytest.fixture(scope="module")
def drawn() -> JourneyMap:
    return clothes_shop_maps()[""]


def clothes_shop_maps(customers: int = ENDS_ON_THE_WAY, ends: int | None = None) -> dict[str, JourneyMap]:
    """The maps of so many made-up customers, by persona; what happens at `ends` or later is left out."""
    journey = journey_or_raise(FILE.read_text("utf-8"), FILE.name)
    figures = FileFigures()
    maps = FileMaps(journey, RulesTold(journey, languages()))
    lives = shop(1, customers, Planted(detour="consideration", unhappy="service"))
    events = as_file([each for each in lives if ends is None or each.at < ends])
    for each in replayed(compile_journey(journey), journey, events, summary=Summary(journey, figures=figures)):
        maps.told(each)
    return dict(maps.drawn(figures.ledger, None))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("map") / "map.html"
    path.write_text(standalone_page(clothes_shop_maps(), languages()), "utf-8")
    return path.as_uri()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize(
    ("language", "title"), [("en-GB", "From the ad to the recommendation"), ("es-BO", "De la publicidad a la recomendación")]
)
def test_a_desk_shows_it_whole_in_the_reader_s_language(chromium: Browser, address: str, language: str, title: str, colours: str) -> None:
    with looking(chromium, address, language, colours) as seen:
        assert seen.page.locator("h1").inner_text() == title
        expect(seen.page.locator("html")).to_have_attribute("lang", language[:2])
        assert seen.fits() == (True, True)
        assert seen.keeps_out() == []
        assert seen.complaints == []
        assert seen.asked == [address]


def test_a_phone_shows_stage_after_stage_and_nothing_sideways(chromium: Browser, address: str, drawn: JourneyMap) -> None:
    with looking(chromium, address, "es-BO", window=NARROW) as seen:
        assert seen.page.locator(".card h3 button").all_inner_texts() == [stage.label["es"] for stage in drawn.stages]
        assert seen.fits()[0]
        assert seen.keeps_out() == []
        assert seen.complaints == []


def test_paper_is_one_sheet_of_a3(chromium: Browser, address: str) -> None:
    with looking(chromium, address, "es-BO", "dark") as seen:
        pdf = seen.page.pdf(prefer_css_page_size=True, print_background=True)
        assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
        width, height = (float(side) for side in re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([0-9.]+)\s+([0-9.]+)", pdf)[0])
        assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (420, 297)


def test_its_tables_hold_the_figures_of_the_document(chromium: Browser, address: str, drawn: JourneyMap) -> None:
    with looking(chromium, address, "en-GB") as seen:
        seen.page.get_by_role("button", name="Table", exact=True).click()
        stages, ways = seen.page.locator(".tables table").all()
        rows = [row.locator("th, td").all_inner_texts() for row in stages.locator("tbody tr").all()]
        assert [(row[0], row[1], row[2], row[3]) for row in rows] == [
            (stage.label["en"], *(f"{count:,}" for count in (stage.customers, stage.entered, stage.left))) for stage in drawn.stages
        ]
        counts = [row.locator("td").nth(1).inner_text() for row in ways.locator("tbody tr").all()]
        assert counts == [f"{flow.count:,}" for flow in drawn.flows]
        assert seen.keeps_out() == []


def test_a_persona_has_a_map_of_its_own(chromium: Browser, address: str, drawn: JourneyMap) -> None:
    with looking(chromium, address, "en-GB") as seen:
        seen.page.get_by_role("combobox", name="Who").select_option("student")
        student = next(persona for persona in drawn.personas if persona.id == "student")
        assert seen.page.locator(".sum strong").inner_text() == f"{student.new:,}"
        assert seen.page.locator(".about").inner_text() == student.about["en"]


def test_another_language_can_be_chosen_and_stays(chromium: Browser, address: str) -> None:
    with looking(chromium, address, "en-GB") as seen:
        seen.page.get_by_role("combobox", name="Language").select_option("es")
        expect(seen.page.locator("html")).to_have_attribute("lang", "es")
        seen.page.reload()
        seen.page.wait_for_selector("main")
        assert seen.page.locator("h1").inner_text() == "De la publicidad a la recomendación"


def test_the_keyboard_reaches_everything_opens_it_and_comes_back(chromium: Browser, address: str, drawn: JourneyMap) -> None:
    with looking(chromium, address, "en-GB") as seen:
        page = seen.page
        reached = set()
        every = page.locator("button, select, [tabindex='0']").count()
        for _ in range(every + 2):
            page.keyboard.press("Tab")
            reached.add(
                page.evaluate(
                    "document.activeElement.matches('body') ? '' : document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
                )
            )
        for stage in drawn.stages:
            assert stage.label["en"] in reached
        moved = [flow for flow in drawn.flows if flow.count or flow.kind == "ideal"]
        assert sum(": " in name and " moves, " in name for name in reached) == len(moved)
        assert sum("here now" in name for name in reached) == len(drawn.stages)
        back = page.locator(".ribbon.back").first
        back.focus()
        page.keyboard.press("Enter")
        assert page.locator(".panel h2").inner_text() == "Consideration → Discovery"
        assert back.get_attribute("aria-pressed") == "true"
        assert "“Puts a piece in the cart” has happened at least once in the last 14 days" in page.locator(".panel").inner_text()
        assert page.evaluate("document.activeElement.id") == "panel-title"
        assert seen.keeps_out() == []
        page.keyboard.press("Escape")
        assert page.locator(".panel").count() == 0
        assert page.evaluate("document.activeElement.getAttribute('class')") == back.get_attribute("class")


def test_a_click_on_a_ribbon_s_figures_opens_it(chromium: Browser, address: str) -> None:
    with looking(chromium, address, "en-GB") as seen:
        seen.page.locator(".flows .label", has_text="100%").first.click()
        assert seen.page.locator(".panel h2").inner_text() == "Discovery → Consideration"


def test_a_ribbon_s_panel_tells_the_latest_moves_and_why_but_not_whose_they_were(
    chromium: Browser, address: str, drawn: JourneyMap
) -> None:
    with looking(chromium, address, "es-BO") as seen:
        seen.page.locator(".ribbon.back").first.focus()
        seen.page.keyboard.press("Enter")
        moves = seen.page.locator(".panel .story li")
        expect(moves).to_have_count(5)
        [flow] = [each for each in drawn.flows if (each.source, each.to) == ("consideration", "discovery")]
        assert [each.at for each in flow.recent] == sorted((each.at for each in flow.recent), reverse=True)
        assert moves.locator("time").evaluate_all("found => found.map(each => each.dateTime)") == [each.at for each in flow.recent]
        for move in flow.recent:
            assert move.because
            for reason in move.because:
                expect(seen.page.locator(".panel")).to_contain_text(reason.sentence["es"])
        assert not any(customer.customer_id in seen.page.content() for customer in shop(1, ENDS_ON_THE_WAY))
        assert seen.keeps_out() == []


def test_a_stage_s_panel_says_everything_about_it(chromium: Browser, address: str) -> None:
    with looking(chromium, address, "es-BO", "dark") as seen:
        seen.page.locator(".stages button").nth(1).click()
        told = seen.page.locator(".panel").inner_text()
        for words in (
            "Estar segura de que le queda",
            "Nadie trabaja los domingos",
            "Turnos para el domingo por la noche",
            "Revisamos el inventario",
        ):
            assert words in told
        assert seen.keeps_out() == []
        assert seen.complaints == []
