"""Draws docs/journey-map.png, the picture of the map in the README: `python -m tests.browser.readme_picture`, after a change of the page.

It shows the shipped clothes shop with 2,000 made-up customers, of whom many turn back and are unhappy with the service. Install the
font Inter first: the page prefers it, and the picture should not depend on the machine.
"""

import tempfile
from pathlib import Path

from etapa.journey.units import DAY
from etapa.languages.read import languages
from etapa.page.standalone import standalone_page
from tests.browser.test_map_page import clothes_shop_maps
from tests.browser.viewer import browser, looking
from tests.support.made_up_shop import BEGINS

PICTURE = Path(__file__).parents[2] / "docs" / "journey-map.png"
CUSTOMERS = 2_000
ENDS = BEGINS + 125 * DAY
"""Soon after the last customer has come, while most are still on their way."""
MARGIN = 12


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        page = Path(folder) / "map.html"
        page.write_text(standalone_page(clothes_shop_maps(CUSTOMERS, ENDS), languages()), "utf-8")
        with looking(chromium, page.as_uri(), "en-US") as seen:
            bottom = seen.page.locator(".findings").evaluate("each => each.getBoundingClientRect().bottom")
            width = seen.page.evaluate("innerWidth")
            seen.page.screenshot(path=PICTURE, clip={"x": 0, "y": 0, "width": width, "height": round(bottom) + MARGIN})


if __name__ == "__main__":
    main()
