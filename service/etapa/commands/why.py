"""`etapa why`: why a customer does not move, rule by rule and clause by clause, from the state in Redis."""

import textwrap
from collections.abc import Iterator, Sequence

import click
import msgspec

from etapa.commands.files.journey_files import journey_from
from etapa.commands.stage import customer_from, linked
from etapa.commands.terminal.failures import CheckFailed
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.commands.terminal.printing import echo_json
from etapa.commands.terminal.servers import quiet_libraries
from etapa.commands.terminal.words import not_exact
from etapa.contracts.outgoing.explanation import explanation_json
from etapa.hosting.foreign_text import printable
from etapa.hosting.system_clock import SystemClock
from etapa.journey.engine.facts.instant import time_text
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.judging.explain import Explained, ExplainedCondition, ExplainedRule, Explanation, explain
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.kinds.wording import rough_duration
from etapa.journey.language.model import Journey
from etapa.journey.map.rules_told import RulesTold
from etapa.languages.read import languages

WIDTH = 80
"""Text is wrapped to this many columns, which every terminal has."""


@click.command()
@click.argument("customer_id", metavar="CUSTOMER")
@settings_flags("journey", "redis_url", "group")
@click.option(
    "--lang",
    type=click.Choice([language.code for language in languages()]),
    default="en",
    show_default=True,
    help="The language of the rules' sentences.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as schemas/explanation.schema.json describes it.")
def why(customer_id: str, lang: str, as_json: bool, **flags: str | None) -> None:
    """Show every rule out of the customer's stage: what holds, what is missing, and what comes next if nothing happens.

    Rules are judged as they would be at this moment, by the same code that moves customers; nothing is changed. Exit code 1 if there is no customer with this id.
    """
    settings = settings_from(flags).settings
    journey = journey_from(settings.journey_path)
    quiet_libraries(settings)
    _, customer = customer_from(settings, customer_id)
    now = SystemClock().now()
    try:
        explanation = explain(compile_journey(journey), customer, now)
    except EvaluationFailed as error:
        raise CheckFailed(str(error)) from None
    told = RulesTold(journey, languages())
    if as_json:
        echo_json(msgspec.json.format(explanation_json(explanation, journey.id, journey.version, told)))
    else:
        for line in (*linked(customer_id, customer), *_lines(explanation, journey, now, told, lang)):
            click.echo(line)


def _lines(explanation: Explanation, journey: Journey, wall: int, told: RulesTold, lang: str) -> Iterator[str]:
    customer = explanation.customer
    stay = rough_duration(explanation.at - customer.entered_at)
    yield from _prose(
        f"{printable(customer.id)} is in {click.style(printable(customer.stage), bold=True)} since {time_text(customer.entered_at)}, for {stay}"
    )
    clock = "" if explanation.at == wall else ", the customer's own clock, which is ahead of this machine's"
    yield from _prose(f"judged at {time_text(explanation.at)}{clock}, by version {journey.version} of the journey {journey.id}")
    if explanation.stored_version != journey.version:
        stored = f"its state is from version {explanation.stored_version}, and is judged here as version {journey.version} will judge it"
        yield from _prose(f"{stored}: {_moves(explanation.carried_over) or 'the stage stays ' + printable(customer.stage)}")
    elif explanation.carried_over:
        yield from _prose(f"the journey no longer has its stage, {printable(explanation.stored_stage)}: {_moves(explanation.carried_over)}")
    yield from _prose(_next(explanation))
    for held in explanation.held:
        yield from _prose(f"the campaign {printable(held.campaign)} is held until {time_text(held.ends)}, when the quiet time is over")
    for goal in explanation.goals:
        group = " (holdout group)" if goal.holdout else ""
        yield from _prose(
            f"the goal of the campaign {printable(goal.campaign)}{group} is open since {time_text(goal.at)}, and missed at {time_text(goal.ends)}"
        )
    if not explanation.rules:
        yield ""
        yield f"no rule leads out of {printable(customer.stage)}"
    for rule in explanation.rules:
        yield ""
        yield from _rule(rule, explanation, told.sentence(rule.id)[lang])


def _next(explanation: Explanation) -> str:
    due = explanation.customer.due
    if due is None:
        return "without a touchpoint nothing will change"
    if explanation.foreseen:
        happens = f"if nothing happens: {_moves(explanation.foreseen)}, at {time_text(explanation.foreseen[0].at)}"
    else:
        happens = f"the next timer is due at {time_text(due)}, and will move nobody"
    return happens + ("; that timer is due, but has not run yet" if due <= explanation.at else "")


def _moves(changes: Sequence[StageChange]) -> str:
    return ", then ".join(f"to {change.to} by {change.rule or 'the new journey, which starts over'}" for change in changes)


def _rule(rule: ExplainedRule, explanation: Explanation, sentence: str) -> Iterator[str]:
    yield f"{click.style(rule.id, bold=True)} -> {rule.to}"
    for line in textwrap.wrap(printable(sentence), WIDTH - 2, break_on_hyphens=False):
        yield f"  {line}"
    when = rule.when
    if isinstance(when, ExplainedCondition):
        yield from _explained(when, 2)
    else:
        if when.kind == "any":
            yield "  any of"
        for member in when.members:
            yield from _explained(member, 2 if when.kind == "all" else 4)
        if when.changes_at is not None:
            yield from _detail(f"all in all, {_turn(when)}", 2)
    due = explanation.customer.due
    if when.holds and (due is None or due > explanation.at):
        passed_over = (
            "true, but passed over: the customer had just been there. Judged again when any condition here changes, or at a touchpoint"
        )
        yield from _detail(passed_over, 2)


def _explained(explained: Explained, indent: int) -> Iterator[str]:
    verdict = click.style("yes", fg="green") if explained.holds else click.style("no ", fg="red")
    margin = " " * indent
    if isinstance(explained, ExplainedCondition):
        # A condition that waits for a touchpoint says so on its own line; there is nothing to add.
        waits = explained.missing if explained.seen is None else None
        first, *rest = textwrap.wrap(printable(waits or explained.condition), WIDTH - indent - 5, break_on_hyphens=False)
        yield f"{margin}{verdict}  {first}"
        yield from (f"{margin}       {line}" for line in rest)
        details = [] if explained.seen is None else [explained.missing or explained.seen]
        if not explained.exact:
            details.append(not_exact(explained.off_by_at_most, explained.observed))
        if explained.changes_at is not None:
            details.append(_turn(explained))
        if explained.complete_since is not None:
            version, at = explained.complete_since
            details.append(f"complete only since version {version}, {time_text(at)}")
        if details:
            yield from _detail("; ".join(details), indent + 5)
    else:
        yield f"{margin}{verdict}  {explained.kind} of"
        for member in explained.members:
            yield from _explained(member, indent + 5)


def _turn(explained: Explained) -> str:
    assert explained.changes_at is not None  # noqa: S101 (for the type checker)
    return f"{'until' if explained.holds else 'true from'} {time_text(explained.changes_at)}"


def _detail(text: str, indent: int) -> Iterator[str]:
    for line in textwrap.wrap(printable(text), WIDTH - indent, break_on_hyphens=False):
        yield " " * indent + click.style(line, dim=True)


def _prose(text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)
