"""The configurations of collectors: that of Vector, whose program cannot be had as a package, is held to what its parts say of each other."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "collect"
VARIABLE = re.compile(r"\$\{!? ?(?:env\(\")?(COLLECT_[A-Z_]+)|env\(\"(COLLECT_[A-Z_]+)\"\)")


def variables(text: str) -> set[str]:
    return {one or other for one, other in VARIABLE.findall(text)}


@pytest.fixture
def vector() -> Any:
    return yaml.safe_load((FOLDER / "vector.yaml").read_text("utf-8"))


def test_each_part_of_vectors_configuration_takes_its_events_from_another(vector: Any) -> None:
    parts = {**vector["sources"], **vector["transforms"], **vector["sinks"]}
    fed = {name: part["inputs"] for name, part in parts.items() if name not in vector["sources"]}
    assert fed == {"calls": ["http"], "keyed": ["calls"], "kafka": ["keyed"]}
    assert all(isinstance(part["type"], str) for part in parts.values())


def test_vector_keys_events_as_the_worker_expects_and_waits_until_kafka_has_them(vector: Any) -> None:
    sink = vector["sinks"]["kafka"]
    assert vector["acknowledgements"] == {"enabled": True}
    assert f".{sink['key_field']} = " in vector["transforms"]["keyed"]["source"]
    assert sink["key_field"] in sink["encoding"]["except_fields"]
    assert sink["librdkafka_options"] == {"enable.idempotence": "true", "acks": "all", "partitioner": "murmur2_random"}
    assert all(isinstance(value, str) for value in sink["librdkafka_options"].values()), "librdkafka takes text only"


def test_both_configurations_are_set_by_the_same_variables_and_the_page_lists_them() -> None:
    ours, vectors = (variables((FOLDER / name).read_text("utf-8")) for name in ("collect.yaml", "vector.yaml"))
    page = (FOLDER.parents[1] / "docs" / "collecting.md").read_text("utf-8")
    assert {"COLLECT_WRITE_KEY", "COLLECT_KAFKA", "COLLECT_ADDRESS", "COLLECT_TOPIC_SEGMENT"} <= vectors <= ours
    assert all(f"`{name}`" in page for name in ours - {"COLLECT_ADMIN_ADDRESS"})


def test_our_collector_names_the_source_of_each_record_in_its_header() -> None:
    configuration = yaml.safe_load((FOLDER / "collect.yaml").read_text("utf-8"))
    output = configuration["output"]["redpanda"]
    assert re.fullmatch(output["metadata"]["include_patterns"][0], "etapa.source")
    assert 'meta "etapa.source" = @kind' in (FOLDER / "collect.yaml").read_text("utf-8")
