"""`etapa test`: run the tests in journey files."""

import textwrap
import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from etapa.commands.files.journey_files import FileUnreadable, load_file, shown
from etapa.commands.results.difference import difference
from etapa.commands.results.junit import junit_xml
from etapa.commands.results.scenario_results import FileResult, ScenarioResult, Status, as_object, suite, totals_of
from etapa.commands.terminal.failures import CheckFailed, WrongUse, reason
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.words import counted, width
from etapa.hosting.foreign_text import printable
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.model import Scenario
from etapa.rehearsal.coverage import Coverage
from etapa.rehearsal.missing_change import first_absence
from etapa.rehearsal.scenarios import rehearse, touchpoints_of
from etapa.rehearsal.type_look import TypeLook

LETTERS: dict[Status, str] = {"passed": ".", "failed": "F", "error": "E"}
COLOURS: dict[Status, str] = {"passed": "green", "failed": "red", "error": "red"}


@click.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@click.option("-k", "words", metavar="NAME", multiple=True, help="Run only tests whose name contains this, ignoring case; may be repeated.")
@click.option("--verbose", "-v", is_flag=True, help="Print one line for each test.")
@click.option("--require-coverage", is_flag=True, help="Fail if a rule, stage or campaign is not reached by any test.")
@click.option("--junit", "junit_file", metavar="FILE", help="Write the results to FILE as JUnit XML.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def test(
    files: tuple[str, ...], words: tuple[str, ...], verbose: bool, require_coverage: bool, junit_file: str | None, as_json: bool
) -> None:
    """Run the tests in journey files; `-` reads standard input.

    Each test runs its touchpoints through the journey and compares all stage changes with the expected ones, and all campaign triggers
    and outcomes of goals if the test lists any. At the end, the rules, stages and campaigns that no test reaches are listed.

    Exit code 0 if every test passed, 1 if one failed or a file has errors, 2 if a file cannot be read.
    """
    if require_coverage and words:
        raise WrongUse("--require-coverage needs all tests, and -k leaves some out: use only one of them")
    reporter = _Reporter(verbose=verbose, quiet=as_json)
    begun = time.perf_counter()
    results = [_run_file(path, words, reporter) for path in files]
    seconds = time.perf_counter() - begun
    uncovered = [result for result in results if require_coverage and result.coverage is not None and not result.coverage.is_whole]
    good = not uncovered and all(not result.trouble and all(each.outcome.passed for each in result.results) for result in results)
    if as_json:
        echo_json(msgspec.json.format(msgspec.json.encode(as_object(results, good))))
    else:
        reporter.conclude(results, seconds)
    if junit_file is not None:
        _write(junit_file, junit_xml([suite(result) for result in results]), files)
    if any(result.loaded is None for result in results):
        raise click.exceptions.Exit(WrongUse.exit_code)
    if words and not any(result.results for result in results) and not any(result.trouble for result in results):
        raise WrongUse(f"no test has {' or '.join(map(repr, words))} in its name")
    if uncovered:
        raise CheckFailed("not every rule, stage and campaign is reached by a test: " + ", ".join(result.path for result in uncovered))
    if not good:
        raise click.exceptions.Exit(CheckFailed.exit_code)


def _run_file(argument: str, words: Sequence[str], reporter: "_Reporter") -> FileResult:
    path = "<stdin>" if argument == "-" else argument
    try:
        loaded = load_file(argument)
    except FileUnreadable as error:
        click.echo(f"Error: {error}", err=True)
        return FileResult(path, None, trouble=str(error))
    for finding in loaded.findings:
        if finding.severity != "info":
            click.echo(shown(finding), err=True)
    journey = loaded.journey
    if journey is None:
        return FileResult(path, loaded, trouble="it has errors, so its tests were not run")
    result = FileResult(path, loaded)
    chosen = [scenario for scenario in journey.tests if _is_chosen(scenario, words)]
    result.deselected = len(journey.tests) - len(chosen)
    program = compile_journey(journey)
    coverage = Coverage(journey)
    value_types = TypeLook([journey])
    reporter.begin(result)
    for scenario in chosen:
        begun = time.perf_counter()
        outcome = rehearse(program, scenario)
        seconds = time.perf_counter() - begun
        for touchpoint in touchpoints_of(scenario):
            value_types.see(touchpoint)
        coverage.add(outcome.run)
        result.results.append(ScenarioResult(outcome, loaded.places.tests[scenario.name], seconds, first_absence(program, outcome)))
        reporter.tell(result, result.results[-1])
    if not result.deselected:
        result.coverage = coverage
    result.type_findings = [text for mismatch in value_types.mismatches() for _, text in mismatch.texts()]
    reporter.end(result)
    return result


def _is_chosen(scenario: Scenario, words: Sequence[str]) -> bool:
    return not words or any(word.casefold() in scenario.name.casefold() for word in words)


class _Reporter:
    """Prints progress and results for a person."""

    def __init__(self, *, verbose: bool, quiet: bool) -> None:
        self._verbose = verbose
        self._quiet = quiet

    def begin(self, file: FileResult) -> None:
        if not self._verbose:
            self._say(f"{file.path} ", newline=False)

    def tell(self, file: FileResult, result: ScenarioResult) -> None:
        if self._verbose:
            word = click.style(f"{result.status.upper():<6}", fg=COLOURS[result.status])
            self._say(f"{word}  {file.path}:{result.line}: {printable(result.name)}")
        else:
            self._say(click.style(LETTERS[result.status], fg=COLOURS[result.status]), newline=False)

    def end(self, file: FileResult) -> None:
        if file.results:
            word = ""
        elif file.deselected:
            word = f"none chosen of {file.deselected}"
        else:
            word = "no tests"
        if self._verbose and word:
            self._say(f"{file.path}: {word}")
        elif not self._verbose:
            self._say(word)

    def conclude(self, files: Sequence[FileResult], seconds: float) -> None:
        columns = width()
        for file in files:
            for result in file.results:
                if not result.outcome.passed:
                    self._say(click.style(f"\n{file.path}:{result.line}: {printable(result.name)}", bold=True) + "\n")
                    for line in difference(result.outcome, result.absence, columns):
                        self._say(line)
        for file in files:
            self._say_coverage(file)
            for text in file.type_findings:
                self._say(
                    "\n".join(
                        textwrap.wrap(printable(text), columns, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
                    )
                )
        self._say_total(files, seconds, columns)

    def _say_coverage(self, file: FileResult) -> None:
        coverage = file.coverage
        if coverage is None or file.loaded is None or not file.results:
            return
        places = file.loaded.places
        missing = [(rule, places.rules[rule], "no test fires it") for rule in coverage.rules_not_fired]
        missing += [(stage, places.stages[stage], "no test enters it") for stage in coverage.stages_not_entered]
        missing += [(campaign, places.campaigns[campaign], "no test triggers it") for campaign in coverage.campaigns_not_triggered]
        rules = f"{coverage.rules - len(coverage.rules_not_fired)} of {counted(coverage.rules, 'rule')} fired"
        parts = [rules, f"{coverage.stages - len(coverage.stages_not_entered)} of {counted(coverage.stages, 'stage')} entered"]
        if coverage.campaigns:
            triggered = coverage.campaigns - len(coverage.campaigns_not_triggered)
            parts.append(f"{triggered} of {counted(coverage.campaigns, 'campaign')} triggered")
        self._say(f"\n{file.path}: {', '.join(parts)}")
        widest = max((len(name) for name, _, _ in missing), default=0)
        for name, line, what in missing:
            self._say(f"  {name:<{widest}}  line {line}: {what}")

    def _say_total(self, files: Sequence[FileResult], seconds: float, columns: int) -> None:
        totals = totals_of(files)
        failed, passed = totals["failed"], totals["passed"]
        errors = totals["error"] + sum(bool(file.trouble) for file in files)
        deselected = sum(file.deselected for file in files)
        parts = [f"{failed} failed"] * bool(failed) + [f"{passed} passed"] * bool(passed)
        parts += [f"{deselected} deselected"] * bool(deselected) + [counted(errors, "error")] * bool(errors)
        words = f" {', '.join(parts) or 'no tests'} in {seconds:.2f}s "
        self._say("\n" + click.style(f"{words:=^{columns}}", fg="red" if failed or errors else "green" if passed else "yellow"))

    def _say(self, text: str, *, newline: bool = True) -> None:
        if not self._quiet:
            click.echo(text, nl=newline)


def _write(path: str, content: bytes, inputs: Sequence[str]) -> None:
    target = Path(path)
    try:
        if any(target.exists() and Path(name).exists() and target.samefile(name) for name in inputs):
            raise WrongUse(f"{path}: it is read from, so the results cannot be written there")
        target.write_bytes(content)
    except OSError as error:
        raise WrongUse(f"{path}: cannot write it: {reason(error)}") from None
