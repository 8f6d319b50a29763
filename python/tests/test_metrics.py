"""The counters as a scraper reads them."""

from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from ssecast import Hub

VECTOR = Path(__file__).resolve().parents[2] / "tests/vectors/metrics.txt"


def parsed(hub: Hub) -> dict[tuple[str, str | None], float]:
    samples = {}
    for family in text_string_to_metric_families(hub.metrics()):
        for sample in family.samples:
            label = next(iter(sample.labels.values()), None)
            samples[sample.name, label] = sample.value
    return samples


def test_a_fresh_hub_says_what_every_language_says() -> None:
    assert Hub().metrics() == VECTOR.read_text()


def test_what_a_scraper_reads_is_what_stats_says() -> None:
    hub = Hub()
    subscription = hub.subscribe("ticks")
    for number in range(3):
        hub.publish("ticks", str(number))
    assert [next(subscription).data for _ in range(3)] == ["0", "1", "2"]
    subscription.close()
    hub.publish("others", "x" * 1000)
    stats, metrics = hub.stats(), parsed(hub)
    for name, value in {
        "ssecast_connections": stats.connections,
        "ssecast_topics": stats.topics,
        "ssecast_published_events_total": stats.published,
        "ssecast_delivered_events_total": stats.delivered,
        "ssecast_delivered_bytes_total": stats.bytes,
        "ssecast_history_events": stats.history_events,
        "ssecast_held_bytes": stats.held_bytes,
        "ssecast_lagging_connections": stats.lagging,
        "ssecast_lag_bytes": stats.lag_bytes,
        "ssecast_backlog_bytes": stats.backlog_bytes,
        "ssecast_refused_requests_total": stats.refused,
    }.items():
        assert metrics.pop((name, None)) == value, name
    for reason, count in stats.disconnects.items():
        assert metrics.pop(("ssecast_disconnects_total", reason)) == count
    for cause, count in stats.resets.items():
        assert metrics.pop(("ssecast_resets_total", cause)) == count
    assert metrics == {}
    assert (stats.published, stats.delivered, sum(stats.disconnects.values())) == (4, 3, 1)


def test_types_and_units_follow_the_conventions() -> None:
    families = list(text_string_to_metric_families(Hub().metrics()))
    for family in families:
        assert family.name.startswith("ssecast_")
        assert family.documentation
        assert family.type in {"counter", "gauge"}
        assert (family.unit == "bytes") == family.name.endswith("_bytes")
    assert len({family.name for family in families}) == len(families)


def test_a_store_is_a_state(tmp_path: Any) -> None:
    hub = Hub(store=f"file:{tmp_path}/events")
    states = {label: value for (name, label), value in parsed(hub).items() if name == "ssecast_store_state"}
    assert states == {"unopened": 1, "ready": 0, "degraded": 0}
    hub.publish("ticks", "1")
    states = {label: value for (name, label), value in parsed(hub).items() if name == "ssecast_store_state"}
    assert states == {"unopened": 0, "ready": 1, "degraded": 0}
    hub.close()


@pytest.mark.parametrize("topics", [1, 200])
def test_there_are_as_many_lines_however_many_topics_there_are(topics: int) -> None:
    hub = Hub()
    for number in range(topics):
        hub.publish(f"topic-{number}", "1")
    assert hub.metrics().count("\n") == VECTOR.read_text().count("\n")
