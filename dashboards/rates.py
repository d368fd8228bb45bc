"""Rates and quantiles in PromQL, as the dashboards of operations write them."""

from __future__ import annotations

from dashboards.frame import E
from dashboards.parts import Q

#: The chosen workers of the chosen installation.
W = f'{E},instance=~"$worker"'


def rate(metric: str, by: str = "", matchers: str = "", of: str = W) -> str:
    """Rate a second of a counter, summed over what is not named in `by`; `of`: whose, workers if not said."""
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{matchers}{of}}}[$__rate_interval]))"


def in_an_hour(metric: str, by: str = "", matchers: str = "", of: str = W) -> str:
    """How often something happened within the hour before. For what is rare: the rate of one alert is a spike
    of hundreds an hour that lasts for a minute."""
    return f"sum{f' by ({by})' if by else ''} (increase({metric}{{{matchers}{of}}}[1h]))"


def share(part: str, of: str, least: float = 1e-9) -> str:
    """`part` / `of`, and 0 where `of` is 0. `least`: below everything that `of` may be beside 0."""
    return f"({part}) / clamp_min({of}, {least:g})"


def quantile(q: float, histogram: str, by: str = "", of: str = W) -> str:
    """The `q` quantile of a histogram, per value of the label `by`."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, {rate(histogram + '_bucket', labels, of=of)})"


def quantiles(histogram: str, by: str = "", of: str = W) -> list[Q]:
    """Median and 99th percentile of a histogram, per value of the label `by`."""
    legend = f"{{{{{by}}}}} " if by else ""
    return [Q(quantile(q, histogram, by, of), f"{legend}{name}") for q, name in ((0.5, "p50"), (0.99, "p99"))]


def or_none(expr: str, label: str) -> str:
    """0 under the label's value "none" while `expr` has nothing at all: nothing happened yet, or nobody runs
    the process whose metric it is. So a panel says 0, and an empty one means that Prometheus has no data."""
    return f'{expr} or on () label_replace(vector(0), "{label}", "none", "", "")'
