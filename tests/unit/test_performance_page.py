"""The performance page agrees with the stored results."""

from bench.page import PAGE, RESULTS, filled


def test_the_tables_on_the_page_are_those_of_the_results_that_are_kept() -> None:
    page = PAGE.read_text()
    assert page == filled(page), "the results have changed: make bench-page"


def test_all_results_on_the_page_have_their_plots_beside_them() -> None:
    page = PAGE.read_text()
    for name in ("contest", "latency", "growth"):
        assert f"../bench/results/{name}.svg" in page
        assert all((RESULTS / f"{name}.{kind}").stat().st_size > 0 for kind in ("json", "png", "svg"))
