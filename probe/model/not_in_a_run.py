"""Metrics that targets may ask for and no single run can tell."""

from __future__ import annotations

_OVER_TIME = "one run is one check; probe report tells it over many"
_STORED = "it is known of stored runs only; probe report tells it"
NOT_IN_A_RUN: dict[str, str] = {
    "platform_uptime_ratio": _OVER_TIME,
    "outage_seconds": _OVER_TIME,
    "time_between_failures_seconds": _OVER_TIME,
    "data_completeness_ratio": _STORED,
    "data_accuracy_ratio": _STORED,
    "data_freshness_seconds": _STORED,
    "data_duplicate_ratio": _STORED,
    "data_schema_ratio": _STORED,
    "store_response_seconds": _STORED,
}
"""Metrics of which no run has samples, and why."""
