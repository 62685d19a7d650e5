"""The pages with figures, about performance and sizing, agree with the stored results."""

from pathlib import Path

import pytest

from bench.page import PAGE, PAGES, RESULTS, SIZING_PAGE, filled


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_figures_on_the_page_are_those_of_the_results_that_are_kept(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == filled(text), "the results have changed: make bench-page"


@pytest.mark.parametrize(("page", "names"), [(PAGE, ("contest", "latency", "growth")), (SIZING_PAGE, ("scale",))])
def test_all_results_on_the_page_have_their_plots_beside_them(page: Path, names: tuple[str, ...]) -> None:
    text = page.read_text(encoding="utf-8")
    for name in names:
        assert f"../bench/results/{name}.svg" in text
        assert all((RESULTS / f"{name}.{kind}").stat().st_size > 0 for kind in ("json", "png", "svg"))
