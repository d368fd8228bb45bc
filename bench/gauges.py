"""What gauges of partnerships cost a worker and Prometheus: `python -m bench.gauges [COUNT …]`.

For each count: series, bytes of one scrape (plain, and gzipped), the time to write a scrape, the time to set
all gauges, and the memory they take.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
from time import perf_counter

import psutil
from prometheus_client import generate_latest

from processors.boundary import Shown
from streams import metrics
from streams.gauges import Gauges

SIGNALS = ("interaction_quality", "audience_fit", "authenticity", "all_in", "connection", "relationship")


def measure(count: int) -> str:
    """One line of the table, measured in this process, which must be fresh."""
    shown = {
        f"some-brand-{i % 50}--influencer.{i}": Shown(
            f"some-brand-{i % 50}",
            f"influencer.{i}",
            "micro",
            "instagram",
            61.25,
            dict.fromkeys(SIGNALS, 60.123456 + i % 7),
            i % 3,
        )
        for i in range(count)
    }
    gauges = Gauges(limit=count)
    before = psutil.Process().memory_info().rss
    begun = perf_counter()
    gauges.show(0, shown, 1, shown)
    first = perf_counter() - begun
    begun = perf_counter()
    gauges.show(0, shown, 1, shown)
    again = perf_counter() - begun
    memory = psutil.Process().memory_info().rss - before
    begun = perf_counter()
    text = generate_latest()
    written = perf_counter() - begun
    series = sum(
        len(metric._metrics) for metric in (metrics.HEALTH, metrics.SIGNAL, metrics.PARTNERSHIP_FIRING)
    )
    return (
        f"{count:>8,} {series:>9,} {len(text) / 1e6:>8.2f} {len(gzip.compress(text, 6)) / 1e6:>8.2f} "
        f"{written * 1e3:>9.0f} {first * 1e3:>8.0f} {again * 1e3:>8.0f} {memory / 1e6:>8.1f}"
    )


def main(arguments: list[str]) -> None:
    """Each count in a process of its own: memory of the one before would be counted otherwise."""
    if len(arguments) == 2 and arguments[0] == "--one":
        print(measure(int(arguments[1])))
        return
    print("partners    series MB/scrape  gzipped write, ms first,ms again,ms mem., MB")
    for count in arguments or ["0", "1000", "10000"]:
        subprocess.run([sys.executable, "-m", "bench.gauges", "--one", count], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
