"""What Prometheus sees of a worker: filled by batches, with bounded labels, and present from the start."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from prometheus_client.exposition import generate_latest

from etapa.contracts.incoming.rejected import Reason
from etapa.journey.engine.facts.change_counts import counts_of
from etapa.journey.engine.facts.changes import Offer, Trigger
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.model import Campaign, Goal, Journey, Stage, Transition
from etapa.journey.units import DAY, SECOND
from etapa.metrics.bulk_histogram import BulkHistogram
from etapa.metrics.catalogue.metric import Metric
from etapa.metrics.worker import Metrics
from etapa.stream.protocol.arrivals import arrivals_of
from etapa.stream.protocol.observer import BatchCommitted, LinksCounted, MovesCounted, SourceCounts
from etapa.stream.protocol.readers import IdCounts
from etapa.stream.protocol.records import Record
from etapa.stream.worker_observer import Share, WorkerObserver
from tests.support.stage_changes import stage_change

JOURNEY = Journey(
    id="shop",
    version=7,
    initial="new",
    remember_ids=64,
    grace=0,
    stages=(Stage("new", None, {}), Stage("buyer", None, {})),
    rules=(),
)


def change(source: str | None, to: str, dwell: int | None = None, customer_id: str = "c-1", offers: Sequence[Offer] = ()) -> StageChange:
    return stage_change(source, to, dwell=dwell, customer_id=customer_id, offers=offers)


def batch(
    applied: int = 0,
    duplicates: int = 0,
    dead_letters: Mapping[Reason, int] | None = None,
    changes: Sequence[StageChange] = (),
    deltas: Mapping[str, int] | None = None,
    timestamps: Sequence[int] = (),
    **others: Any,
) -> BatchCommitted:
    values: dict[str, Any] = {
        "timers_fired": 0,
        "timer_delays": array("q"),
        "committed_at": 100 * SECOND,
        "stream_time": None,
        "seconds": {},
    }
    return BatchCommitted(
        applied=applied,
        duplicates=duplicates,
        dead_letters=dead_letters or {},
        changes=counts_of(changes),
        stage_deltas=deltas or {},
        arrivals=arrivals_of([Record(offset, timestamp, b"k", b"v") for offset, timestamp in enumerate(timestamps)], len(timestamps)),
        **(values | others),
    )


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_metrics_are_what_a_partition_task_tells() -> None:
    observer: WorkerObserver = Metrics(JOURNEY)
    observer.lag({0: 0})


def test_everything_with_a_closed_set_of_labels_is_there_from_the_start_with_nought() -> None:
    metrics = Metrics(JOURNEY)
    assert [value(metrics, "etapa_customers", stage=stage) for stage in ("new", "buyer")] == [0, 0]
    assert value(metrics, "etapa_touchpoints_total", outcome="dead_letter") == 0
    assert value(metrics, "etapa_dead_letters_total", reason="from_the_future") == 0
    assert value(metrics, "etapa_takeovers_total", reason="wrong_mark") == 0
    assert value(metrics, "etapa_fenced_total") == 0
    assert value(metrics, "etapa_stage_dwell_seconds_count", stage="buyer") == 0
    assert value(metrics, "etapa_end_to_end_seconds_count") == 0


def test_the_running_journey_and_build_are_named() -> None:
    metrics = Metrics(JOURNEY)
    assert value(metrics, "etapa_journey_info", journey="shop", version="7") == 1
    assert b"etapa_build_info{" in generate_latest(metrics.registry)


def test_applied_duplicates_and_dead_letters_add_up_to_what_was_read() -> None:
    metrics = Metrics(JOURNEY)
    metrics.batch_committed(0, batch(applied=5, duplicates=2, dead_letters={"not_json": 2, "invalid": 1}, timestamps=[0] * 10))
    metrics.batch_committed(1, batch(applied=1, timestamps=[0]))
    counted = [value(metrics, "etapa_touchpoints_total", outcome=outcome) for outcome in ("applied", "duplicate", "dead_letter")]
    assert counted == [6, 2, 3]
    assert value(metrics, "etapa_dead_letters_total", reason="not_json") == 2
    assert value(metrics, "etapa_batch_touchpoints_sum") == 11


def test_moves_between_partitions_are_counted_and_a_new_owner_begins_without_what_waited() -> None:
    metrics = Metrics(JOURNEY)
    assert value(metrics, "etapa_customers_moved_total", direction="left") == 0
    assert value(metrics, "etapa_partition_leaving", partition="3") is None
    metrics.batch_committed(3, batch(moves=MovesCounted(5, 2, is_leaving=True), forwarded=4))
    metrics.held_up(3, 90 * SECOND)
    assert [value(metrics, "etapa_customers_moved_total", direction=direction) for direction in ("left", "arrived")] == [5, 2]
    assert value(metrics, "etapa_touchpoints_total", outcome="forwarded") == 4
    assert value(metrics, "etapa_partition_leaving", partition="3") == 1
    assert value(metrics, "etapa_partition_held_up_since_seconds", partition="3") == 90
    metrics.held_up(3, None)
    assert value(metrics, "etapa_partition_held_up_since_seconds", partition="3") == 0
    metrics.withheld(3, 80 * SECOND)
    assert value(metrics, "etapa_transfers_withheld_since_seconds", partition="3") == 80
    metrics.takeover_started(3, "log_error")
    assert value(metrics, "etapa_partition_held_up_since_seconds", partition="3") is None
    assert value(metrics, "etapa_transfers_withheld_since_seconds", partition="3") is None
    metrics.released(3)
    assert value(metrics, "etapa_partition_leaving", partition="3") is None


def test_stage_changes_are_counted_by_where_they_lead_and_a_new_customer_comes_from_nowhere() -> None:
    metrics = Metrics(JOURNEY)
    changes = [change(None, "new"), change(None, "new", customer_id="c-2"), change("new", "buyer", 3 * DAY)]
    metrics.batch_committed(0, batch(changes=changes))
    assert value(metrics, "etapa_stage_changes_total", **{"from": "", "to": "new", "cause": "touchpoint"}) == 2
    assert value(metrics, "etapa_stage_changes_total", **{"from": "new", "to": "buyer", "cause": "touchpoint"}) == 1


def test_what_campaigns_make_of_changes_is_counted_by_outcome_and_every_campaign_is_there_from_the_start() -> None:
    on = (Transition(None, ("buyer",)),)
    metrics = Metrics(replace(JOURNEY, campaigns=(Campaign("hello", on), Campaign("thanks", on))))
    assert value(metrics, "etapa_campaign_triggers_total", campaign="thanks", outcome="cooldown") == 0
    hello = Trigger("hello", "c-1", 2, 0, "new", "buyer", holdout=True, payload=None)
    offers = (Offer("hello", "holdout", hello), Offer("thanks", "cap", None))
    offered = change("new", "buyer", offers=offers)
    metrics.batch_committed(0, batch(changes=[offered, change("new", "buyer"), offered]))
    assert value(metrics, "etapa_campaign_triggers_total", campaign="hello", outcome="holdout") == 2
    assert value(metrics, "etapa_campaign_triggers_total", campaign="thanks", outcome="cap") == 2
    assert value(metrics, "etapa_campaign_triggers_total", campaign="hello", outcome="published") == 0


def test_the_time_spent_in_a_stage_is_measured_when_it_is_left() -> None:
    metrics = Metrics(JOURNEY)
    metrics.batch_committed(0, batch(changes=[change(None, "new"), change("new", "buyer", 3 * DAY)]))
    assert value(metrics, "etapa_stage_dwell_seconds_sum", stage="new") == 3 * 86_400
    assert value(metrics, "etapa_stage_dwell_seconds_bucket", stage="new", le="86400.0") == 0
    assert value(metrics, "etapa_stage_dwell_seconds_bucket", stage="new", le="259200.0") == 1


def test_customers_are_those_of_the_partitions_that_are_owned() -> None:
    metrics = Metrics(JOURNEY)
    metrics.takeover_finished(0, "assigned", 0.1, 12, {"new": 10, "buyer": 2})
    metrics.takeover_finished(1, "assigned", 0.1, 5, {"new": 5})
    metrics.batch_committed(1, batch(deltas={"new": -1, "buyer": 1}))
    assert [value(metrics, "etapa_customers", stage=stage) for stage in ("new", "buyer")] == [14, 3]
    metrics.released(0)
    assert [value(metrics, "etapa_customers", stage=stage) for stage in ("new", "buyer")] == [4, 1]


def test_a_partition_taken_over_again_is_counted_once() -> None:
    metrics = Metrics(JOURNEY)
    metrics.takeover_finished(0, "assigned", 0.1, 10, {"new": 10})
    metrics.takeover_started(0, "wrong_mark")
    metrics.takeover_finished(0, "wrong_mark", 0.1, 9, {"new": 8, "buyer": 1})
    assert [value(metrics, "etapa_customers", stage=stage) for stage in ("new", "buyer")] == [8, 1]
    assert value(metrics, "etapa_takeovers_total", reason="wrong_mark") == 1


def test_a_stage_of_an_earlier_version_is_shown_while_somebody_is_in_it() -> None:
    metrics = Metrics(JOURNEY)
    metrics.takeover_finished(0, "assigned", 0.1, 1, {"old": 1})
    assert value(metrics, "etapa_customers", stage="old") == 1
    metrics.batch_committed(0, batch(deltas={"old": -1, "new": 1}))
    assert value(metrics, "etapa_customers", stage="old") is None


def test_a_partition_that_was_lost_leaves_no_series_behind() -> None:
    metrics = Metrics(JOURNEY)
    metrics.takeover_started(3, "assigned")
    metrics.lag({3: 7})
    metrics.batch_committed(3, batch(stream_time=5 * SECOND))
    assert value(metrics, "etapa_lag_touchpoints", partition="3") == 7
    assert value(metrics, "etapa_partition_ready", partition="3") == 0
    assert value(metrics, "etapa_stream_time_seconds", partition="3") == 5
    metrics.released(3)
    metrics.released(3)
    assert b'partition="3"' not in generate_latest(metrics.registry)


def test_latency_is_from_the_record_to_its_commit_and_never_negative() -> None:
    metrics = Metrics(JOURNEY)
    metrics.batch_committed(0, batch(applied=3, timestamps=[99 * SECOND, 99 * SECOND, 200 * SECOND]))
    assert value(metrics, "etapa_end_to_end_seconds_count") == 3
    assert value(metrics, "etapa_end_to_end_seconds_sum") == 2
    assert value(metrics, "etapa_end_to_end_seconds_bucket", le="0.001") == 1
    assert value(metrics, "etapa_end_to_end_seconds_bucket", le="1.0") == 3


def test_steps_view_delay_and_timers_are_measured() -> None:
    metrics = Metrics(JOURNEY)
    metrics.batch_committed(
        0, batch(seconds={"decode": 0.5, "commit": 0.25}, timers_fired=2, timer_delays=array("q", [500_000, 1_500_000]))
    )
    metrics.view_applied(0, 0.125, 0.0625)
    assert value(metrics, "etapa_batch_seconds_sum", step="decode") == 0.5
    assert value(metrics, "etapa_batch_seconds_sum", step="apply") == 0.0625
    assert value(metrics, "etapa_view_delay_seconds_sum") == 0.125
    assert value(metrics, "etapa_timers_total") == 2
    assert value(metrics, "etapa_timer_delay_seconds_sum") == 2


def test_what_goes_wrong_is_counted() -> None:
    metrics = Metrics(JOURNEY)
    metrics.fenced(0)
    metrics.touchpoints_gone(0, 40)
    metrics.group_offset_disagrees(0, 1, 2)
    metrics.timer_failed(0, "c-1", "boom")
    metrics.damaged(0, "changes_missing", "changes were lost")
    metrics.refused(0, "another partition count")
    assert value(metrics, "etapa_damage_found_total", kind="changes_missing") == 1
    assert value(metrics, "etapa_damage_found_total", kind="sequence_broken") == 0
    names = ("fenced", "touchpoints_gone", "group_offset_disagreements", "timer_failures", "refused")
    assert [value(metrics, f"etapa_{name}_total") for name in names] == [1, 40, 1, 1, 1]


def test_values_of_a_wrong_type_are_counted_by_rule_and_condition_from_the_start_and_never_shown() -> None:
    program = compile_journey(
        journey_or_raise(
            "journey: t\nversion: 1\nstages: [{id: a}, {id: b}]\n"
            "rules: [{id: r, to: b, when: {sum: properties.amount, of: purchase, within: 1y, gte: 100}}]\n"
            "consent: {trait: wants, ne: false}\ncampaigns: [{id: hello, on: {enter: b}, when: {trait: age, gte: 18}}]\n",
            "t.yaml",
        )
    )
    metrics = Metrics(JOURNEY, type_mismatches=program.type_mismatches)
    rule = {"rule": "r", "condition": "sum(properties.amount of purchase, 1y) >= 100"}
    consent = {"rule": "consent", "condition": "trait(wants) != false"}
    campaign = {"rule": "campaign hello", "condition": "trait(age) >= 18"}

    def counted() -> list[float | None]:
        return [value(metrics, "etapa_type_mismatches_total", **labels) for labels in (rule, consent, campaign)]

    assert counted() == [0, 0, 0]
    touch(program, None, Touchpoint("t-1", "c", "purchase", 0, None, {"amount": "1500.00"}, {"wants": "no", "age": 20}))
    touch(program, None, Touchpoint("t-2", "d", "purchase", 0, None, {"amount": 12.5}, {"age": "20"}))
    assert counted() == [1, 1, 1]
    assert b"1500.00" not in generate_latest(metrics.registry)


def test_a_server_is_down_from_the_start_until_it_has_answered_and_says_since_when_and_why() -> None:
    clock = iter([10.0, 10.0, 20.0, 30.0])
    metrics = Metrics(JOURNEY, lambda: next(clock))

    def seen() -> tuple[float | None, float | None, float | None]:
        since = value(metrics, "etapa_dependency_since_timestamp_seconds", dependency="kafka")
        up = value(metrics, "etapa_dependency_up", dependency="kafka")
        return up, since, value(metrics, "etapa_dependency_trouble", dependency="kafka", cause="login")

    assert seen() == (0, 10, 0)
    metrics.dependency("kafka", "login")
    assert seen() == (0, 10, 1)
    metrics.dependency("kafka", None)
    assert seen() == (1, 20, 0)
    metrics.dependency("kafka", None)
    assert seen() == (1, 20, 0)
    metrics.dependency("kafka", "tls")
    assert seen() == (0, 30, 0)
    assert value(metrics, "etapa_dependency_trouble", dependency="kafka", cause="tls") == 1


def test_what_is_ours_of_the_topic_is_told_as_it_is_now() -> None:
    metrics = Metrics(JOURNEY)
    metrics.share(Share(12, 4, 1))
    names = ("topic_partitions", "partitions_owned", "partitions_refused")
    assert [value(metrics, f"etapa_{name}") for name in names] == [12, 4, 1]
    metrics.share(Share(12, 3, 0))
    assert [value(metrics, f"etapa_{name}") for name in names] == [12, 3, 0]


def test_lag_is_told_of_the_partitions_that_are_ours_and_of_no_others() -> None:
    metrics = Metrics(JOURNEY)
    metrics.lag({0: 5, 1: 7})
    metrics.lag({1: 6})
    assert [value(metrics, "etapa_lag_touchpoints", partition=number) for number in ("0", "1")] == [None, 6]


def test_no_customer_id_is_ever_shown() -> None:
    metrics = Metrics(JOURNEY)
    metrics.takeover_finished(0, "assigned", 0.1, 1, {"new": 1})
    metrics.batch_committed(0, batch(applied=1, changes=[change(None, "new", customer_id="marta@example.com")]))
    metrics.timer_failed(0, "marta@example.com", "boom")
    assert b"marta" not in generate_latest(metrics.registry)


def test_two_workers_in_one_process_do_not_share_metrics() -> None:
    first, second = Metrics(JOURNEY), Metrics(JOURNEY)
    first.fenced(0)
    assert value(second, "etapa_fenced_total") == 0


def test_observing_in_bulk_gives_what_observing_one_by_one_gives() -> None:
    metrics = Metrics(JOURNEY)
    bulk = BulkHistogram(Metric(name="bulk", kind="histogram", help="In bulk", bounds=(1, 2, 5)), metrics.registry)
    bulk.observe(1.0, 2)
    bulk.observe_durations(array("q", [1_500_000, 9_000_000, 9_000_000, 9_000_000]))
    buckets = [value(metrics, "bulk_bucket", le=bound) for bound in ("1.0", "2.0", "5.0", "+Inf")]
    assert buckets == [2, 3, 3, 6]
    assert value(metrics, "bulk_count") == 6
    assert value(metrics, "bulk_sum") == 30.5


def test_observing_in_bulk_keeps_a_series_for_each_value_of_its_label() -> None:
    metrics = Metrics(JOURNEY)
    bulk = BulkHistogram(Metric(name="bulk", kind="histogram", help="In bulk", labels=("stage",), bounds=(1, 2)), metrics.registry)
    bulk.show("new")
    bulk.observe_durations(array("q", [1_500_000] * 2), "buyer")
    assert [value(metrics, "bulk_count", stage=stage) for stage in ("new", "buyer", "gone")] == [0, 2, None]
    assert value(metrics, "bulk_bucket", stage="buyer", le="1.0") == 0


def test_what_no_worker_owns_and_how_wrong_the_clock_is_are_shown() -> None:
    metrics = Metrics(JOURNEY)
    assert (value(metrics, "etapa_group_partitions_unowned"), value(metrics, "etapa_clock_ahead_seconds")) == (0, 0)
    metrics.partitions_unowned(3)
    metrics.clock_ahead(-600.5)
    assert (value(metrics, "etapa_group_partitions_unowned"), value(metrics, "etapa_clock_ahead_seconds")) == (3, -600.5)


def test_the_groups_of_campaigns_that_have_a_goal_are_added_up_over_the_partitions_that_are_ours() -> None:
    on = (Transition(None, ("buyer",)),)
    goal = Goal(DAY, enter=("buyer",))
    metrics = Metrics(replace(JOURNEY, campaigns=(Campaign("hello", on, holdout=0.25, goal=goal), Campaign("thanks", on, holdout=0.5))))

    def groups() -> list[float | None]:
        return [value(metrics, "etapa_campaign_customers", campaign="hello", group=group) for group in ("sent", "holdout")]

    assert groups() == [0, 0]
    metrics.enrolled(0, {("hello", "sent"): 7, ("hello", "holdout"): 2, ("of an earlier version", "sent"): 5})
    metrics.enrolled(1, {("hello", "sent"): 1})
    metrics.enrolled(1, {("hello", "sent"): 3})
    assert groups() == [10, 2]
    metrics.released(0)
    assert groups() == [3, 0]
    assert value(metrics, "etapa_campaign_holdout_ratio", campaign="hello") == 0.25
    shown = generate_latest(metrics.registry).decode()
    assert "of an earlier version" not in shown
    assert 'etapa_campaign_customers{campaign="thanks"' not in shown


def test_records_through_a_source_are_counted_by_outcome_and_by_the_rule_that_skips_them() -> None:
    metrics = Metrics(JOURNEY)
    assert value(metrics, "etapa_source_records_total", outcome="skipped") == 0
    counts = SourceCounts({"touchpoints": 3, "dead_letter": 1}, {"skip 1: type": 4}, 2)
    metrics.batch_committed(0, batch(applied=5, dead_letters={"invalid": 1}, source=counts))
    assert value(metrics, "etapa_source_records_total", outcome="touchpoints") == 3
    assert value(metrics, "etapa_source_records_total", outcome="dead_letter") == 1
    assert value(metrics, "etapa_source_skipped_total", rule="skip 1: type") == 4
    # One dead letter for the record, but two touchpoints that could not be used.
    assert value(metrics, "etapa_dead_letters_total", reason="invalid") == 1
    assert value(metrics, "etapa_touchpoints_total", outcome="dead_letter") == 2


def test_links_are_counted_by_what_became_of_them_and_their_dead_letters_wherever_they_were_read() -> None:
    metrics = Metrics(JOURNEY)
    assert value(metrics, "etapa_links_total", outcome="forgotten") == 0
    links = LinksCounted({"joined": 2, "forgotten": 1, "two_known": 1}, {"two_known": 1})
    metrics.batch_committed(0, batch(links=links))
    metrics.batch_committed(0, batch(dead_letters={"link_cycle": 1}, links=LinksCounted({"link_cycle": 1}, {})))
    assert [value(metrics, "etapa_links_total", outcome=one) for one in ("joined", "forgotten", "two_known", "link_cycle")] == [2, 1, 1, 1]
    assert [value(metrics, "etapa_dead_letters_total", reason=one) for one in ("two_known", "link_cycle")] == [1, 1]


def test_linked_people_and_addresses_are_those_of_our_partitions() -> None:
    metrics = Metrics(JOURNEY)
    metrics.ids({0: IdCounts(3, 5), 1: IdCounts(1, 0)})
    assert (value(metrics, "etapa_linked_people", partition="0"), value(metrics, "etapa_forwarding_addresses", partition="0")) == (3, 5)
    metrics.released(0)
    metrics.ids({1: IdCounts(2, 1)})
    assert [value(metrics, "etapa_linked_people", partition=one) for one in "01"] == [None, 2]
