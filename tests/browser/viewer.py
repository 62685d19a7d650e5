"""A browser with a user's language, colours and window, and the errors that it reported."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WIDE = (1440, 900)
NARROW = (390, 844)
SERIOUS = ("serious", "critical")


@dataclass
class Seen:
    """An open page and what it reported."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """Warnings and errors on the console, and failed scripts."""
    asked: list[str] = field(default_factory=list)
    """Addresses that were requested."""

    def keeps_out(self) -> list[str]:
        """Accessibility problems found by axe: rules, and where."""
        self.page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
        found: dict[str, Any] = self.page.evaluate("axe.run()")
        return [
            f"{each['id']}: {', '.join(node['html'][:120] for node in each['nodes'][:3])}"
            for each in found["violations"]
            if each["impact"] in SERIOUS
        ]

    def fits(self) -> tuple[bool, bool]:
        """Whether everything fits without scrolling, horizontally and vertically."""
        wide, high = self.page.evaluate(
            "[document.documentElement.scrollWidth <= innerWidth, document.documentElement.scrollHeight <= innerHeight]"
        )
        return wide, high


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """The Chromium of this machine."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise AssertionError(f"there is no {', '.join(PROGRAMS)} on the PATH: apt install chromium")
    with sync_playwright() as driver:
        # The sandbox does not work as root, and we only open our own pages.
        found = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield found
        finally:
            found.close()


@contextlib.contextmanager
def looking(with_browser: Browser, address: str, language: str, colours: str = "light", window: tuple[int, int] = WIDE) -> Iterator[Seen]:
    """Open an address and wait until the map appears."""
    context = with_browser.new_context(
        viewport={"width": window[0], "height": window[1]}, locale=language, color_scheme="dark" if colours == "dark" else "light"
    )
    try:
        page = context.new_page()
        seen = Seen(page)
        page.on("console", lambda message: seen.complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("request", lambda request: seen.asked.append(request.url))
        page.goto(address)
        page.wait_for_selector("main")
        yield seen
    finally:
        context.close()
