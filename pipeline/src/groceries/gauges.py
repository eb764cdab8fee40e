"""What the service tells Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from groceries.asked import Asked
from groceries.follower import Follower


class Gauges:
    """All of the service's metrics, in a registry of its own."""

    def __init__(self, follower: Follower, asked: Asked) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "groceries_requests", "Requests, by path and status.", ["path", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "groceries_request_seconds", "How long requests took.", ["path"], registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
        )  # fmt: skip
        self.minutes = Histogram(
            "groceries_predicted_minutes", "What was predicted.", ["version"], registry=self.registry,
            buckets=(2, 4, 6, 8, 10, 12, 15, 20, 30, 60),
        )  # fmt: skip
        self.registry.register(_Now(follower, asked))


class _Now(Collector):
    """What is looked up at the moment that it is asked for."""

    def __init__(self, follower: Follower, asked: Asked) -> None:
        self._follower, self._asked = follower, asked

    def describe(self) -> Iterator[Metric]:
        return iter(())  # else it is collected once when it is registered

    def collect(self) -> Iterator[Metric]:
        served = self._follower.served
        yield GaugeMetricFamily("groceries_model_loaded", "1 while there is a model.", 1.0 if served else 0.0)
        wrong = GaugeMetricFamily("groceries_registry_error", "1 while what is in production cannot be had.")
        wrong.add_metric([], 1.0 if self._follower.trouble else 0.0)
        yield wrong
        yield GaugeMetricFamily(
            "groceries_registry_answered_seconds",
            "When MLflow last answered (Unix time).",
            self._follower.looked,
        )
        if served is None:
            return
        info = GaugeMetricFamily(
            "groceries_model", "The model that answers.", labels=["version", "git_commit", "data_version"]
        )
        info.add_metric([served.name, served.git_commit, served.data_version], 1.0)
        yield info
        drift = self._asked.drift(served)
        rows = GaugeMetricFamily("groceries_drift_rows", "Stops asked for lately that drift is told from.")
        rows.add_metric([], drift["rows"])
        yield rows
        moved = GaugeMetricFamily(
            "groceries_drift_psi", "Population stability index against the training data.", labels=["feature"]
        )
        for name, value in drift["psi"].items():
            moved.add_metric([name], value)
        yield moved
