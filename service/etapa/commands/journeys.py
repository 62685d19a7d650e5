"""`etapa journeys`: the journeys that come with Etapa, as starting points for your own."""

import difflib
import shutil
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from etapa.commands.terminal.failures import WrongUse
from etapa.commands.terminal.printing import echo_json
from etapa.contracts.journey_schema import journey_schema_text
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.model import Journey
from etapa.settings import SHIPPED_JOURNEY

WIDEST = 110
SCHEMA_LINE = "# yaml-language-server: $schema="
SCHEMA_FILE = "journey.schema.json"
SCHEMA_ADVICE = f"# Editors complete and check this file by the schema beside it: `etapa journeys schema > {SCHEMA_FILE}` puts it there."


@dataclass(frozen=True, slots=True)
class Shipped:
    """A journey that comes with Etapa."""

    name: str
    text: str
    journey: Journey

    @property
    def about(self) -> str:
        """The first sentence of the comment at the top of the file."""
        comment = [
            line.removeprefix("#").strip() for line in self.text.partition("\n\n")[0].splitlines() if not line.startswith(SCHEMA_LINE)
        ]
        sentence, full_stop, _ = " ".join(comment).strip().partition(". ")
        return sentence + full_stop.strip()


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def journeys(context: click.Context, as_json: bool) -> None:
    """List the journeys that come with Etapa. Start from the one most like yours:

    \b
        etapa journeys show retail > mine.yaml
        etapa test mine.yaml
    """  # noqa: D301 (click's mark for lines that are not to be wrapped)
    if context.invoked_subcommand is not None:
        return
    shipped = [_read(path) for path in _files().values()]
    if as_json:
        echo_json(msgspec.json.format(msgspec.json.encode({"journeys": [_as_object(each) for each in shipped]})))
        return
    formatter = click.HelpFormatter(width=min(WIDEST, shutil.get_terminal_size().columns))
    formatter.write_dl([(each.name, f"{each.about} Stages: {', '.join(stage.id for stage in each.journey.stages)}.") for each in shipped])
    click.echo(formatter.getvalue(), nl=False)


@journeys.command(short_help="Print a journey file.")
@click.argument("name")
def show(name: str) -> None:
    """Print the journey file NAME, ready to be saved and changed."""
    files = _files()
    if name not in files:
        near = difflib.get_close_matches(name.lower().removesuffix(".yaml"), files, n=1)
        advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(files)}"
        raise WrongUse(f"no journey {name!r} comes with Etapa; {advice}")
    click.echo(_for_elsewhere(files[name].read_text("utf-8")), nl=False)


@journeys.command(short_help="Print the JSON Schema of journey files.")
def schema() -> None:
    """Print the JSON Schema of journey files. Editors complete and check a file whose first line names it."""
    click.echo(journey_schema_text(), nl=False)


def _files() -> dict[str, Path]:
    return {path.stem: path for path in sorted(SHIPPED_JOURNEY.parent.glob("*.yaml"), key=lambda path: path.stem)}


def _read(path: Path) -> Shipped:
    text = path.read_text("utf-8")
    return Shipped(path.stem, text, journey_or_raise(text, path.name))


def _for_elsewhere(text: str) -> str:
    """The file adapted for the user's own folder: as shipped, its first line refers to the schema in the source tree."""
    first, newline, rest = text.partition("\n")
    if not first.startswith(SCHEMA_LINE):
        return text
    return f"{SCHEMA_LINE}{SCHEMA_FILE}{newline}{SCHEMA_ADVICE}{newline}{rest}"


def _as_object(shipped: Shipped) -> dict[str, object]:
    journey = shipped.journey
    return {
        "name": shipped.name,
        "about": shipped.about,
        "version": journey.version,
        "stages": [{"id": stage.id, "phase": stage.phase, "label": stage.label} for stage in journey.stages],
        "rules": len(journey.rules),
        "tests": len(journey.tests),
    }
