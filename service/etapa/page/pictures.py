"""A map as a picture (SVG) or for print (PDF), drawn by the page itself in a browser without a window."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from html import unescape
from pathlib import Path
from typing import Final

from etapa.errors import EtapaError
from etapa.journey.language.phrasing.phrases import Language
from etapa.journey.map.document import JourneyMap
from etapa.page.standalone import standalone_page

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
"""Names of browsers that can draw without a window, in the order in which they are looked for on the PATH."""
SECONDS: Final = 120
"""How long a browser may take; a map takes a few seconds."""
_PATIENCE: Final = "--virtual-time-budget=10000"
"""The browser waits for the page's script and its layout, on a clock that leaps: no real time is lost."""
_SHEET: Final = (
    '<!doctype html><html lang="{language}"><meta charset="utf-8"><title>map</title><style>@page {{ size: A3 landscape; margin: 0 }} '
    "body {{ margin: 0 }} svg[font-family] {{ display: block; width: 100vw; height: 100vh }}</style>{svg}"
)
"""One sheet, however large the map is."""
_BEGINS, _ENDS = '<pre id="picture">', "</pre>"


class PictureError(EtapaError):
    """No browser could draw the map."""


def svg_of(maps: Mapping[str, JourneyMap], languages: Sequence[Language], language: str) -> bytes:
    """The map of all customers as SVG. Raises `PictureError`."""
    told = _browsed(standalone_page(maps, languages, language, as_picture=True), "--dump-dom", _PATIENCE)
    found = told.decode("utf-8", "replace").partition(_BEGINS)[2].partition(_ENDS)
    if not found[1]:
        raise PictureError("the browser did not draw the map: write .html, open it, and choose Save")
    return unescape(found[0]).encode()


def pdf_of(maps: Mapping[str, JourneyMap], languages: Sequence[Language], language: str) -> bytes:
    """The map of all customers as one sheet of A3. Raises `PictureError`."""
    drawn = svg_of(maps, languages, language).decode().partition("?>")[2]
    with tempfile.TemporaryDirectory(prefix="etapa-map-") as folder:
        written = Path(folder) / "map.pdf"
        _browsed(_SHEET.format(language=language, svg=drawn), "--no-pdf-header-footer", f"--print-to-pdf={written}")
        try:
            return written.read_bytes()
        except OSError:
            raise PictureError("the browser did not print the map: write .html, open it, and print it there") from None


def _browsed(page: str, *wanted: str) -> bytes:
    """What a browser prints about a page. It gets a new, empty profile, and nothing from the network."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        raise PictureError(
            f"there is no browser on the PATH to draw it ({', '.join(BROWSERS)}): install one, or write .html, open it, and choose Save there"
        )
    with tempfile.TemporaryDirectory(prefix="etapa-map-") as folder:
        path = Path(folder) / "map.html"
        path.write_text(page, "utf-8")
        # Chromium's sandbox refuses to run as root, as in most containers; the page may load nothing, and runs only our script.
        sandbox = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
        command = [program, "--headless", *sandbox, "--disable-gpu", "--no-first-run", f"--user-data-dir={folder}/profile"]
        try:
            done = subprocess.run(
                [*command, "--window-size=1600,1200", *wanted, path.as_uri()], capture_output=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise PictureError(f"{program} did not draw the map within {SECONDS} seconds") from None
    if done.returncode != 0:
        last = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"])[-1]
        raise PictureError(f"{program} failed (exit {done.returncode}): {last}")
    return done.stdout
