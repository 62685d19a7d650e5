"""`etapa demo`: the whole of Etapa on a private broker and a private Redis, with made-up shoppers."""

import importlib.util

import click

from etapa.commands.terminal.failures import CheckFailed

PARTS = {"confluent_kafka": "confluent-kafka", "rich": "rich"}
"""Modules that only the demo needs, and the packages that bring them (the extra `demo`)."""


@click.command()
@click.option("--seconds", type=click.FloatRange(min=1), metavar="N", help="Stop after this many seconds; without it, stop with Ctrl-C.")
@click.option(
    "--rate", type=click.FloatRange(min=1, max=100_000), default=200, show_default=True, metavar="R", help="Touchpoints a second."
)
@click.option(
    "--customers", type=click.IntRange(min=1, max=1_000_000), metavar="N", help="Number of shoppers; without it, they keep coming."
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object, and nothing else, on stdout.")
def demo(seconds: float | None, rate: float, customers: int | None, as_json: bool) -> None:
    """Watch customers move through the stages, without Kafka, Redis or any settings.

    It starts a private broker (a test double of Kafka's protocol) and a private Redis, makes up shoppers online and offline, runs the real
    worker on their touchpoints, and shows what happens. The page and the API are served meanwhile. Nothing is left behind.
    """
    missing = [package for module, package in PARTS.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise CheckFailed(f"the demo needs {' and '.join(missing)}, which is not installed: pip install 'etapa[demo]'")
    # Only now: what the demo runs on takes a while to import, and --help needs none of it.
    from etapa.embedded.broker import BrokerError
    from etapa.embedded.demo import DemoError, DemoOptions, run_demo
    from etapa.embedded.redis_server import RedisUnavailable

    try:
        run_demo(DemoOptions(seconds=seconds, rate=rate, customers=customers, as_json=as_json))
    except (BrokerError, DemoError, RedisUnavailable) as error:
        raise CheckFailed(str(error)) from None
