"""`python -m bench.simulate`: what skew and rebalances do to many workers, past what one machine can show.

A seeded model in plain arithmetic, no Kafka: influencers with the popularity of the bench's mix lie on
partitions by chance, as a hash of their ids puts them there; partitions are dealt to workers, and every
worker folds at the measured cost. How busy is the busiest partition and worker, how large a share has the
most popular influencer (its events cannot be split: one partition, one worker), and how long does it take to
catch up when a worker is lost? (In a rebalance nobody reads: aiokafka's groups stop all.)

Costs are options, to be taken from `python -m bench job` and `recovery`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from random import Random
from statistics import mean, median

from rich.console import Console

from bench.report import Sheet
from tests.servers import REPO

DOCUMENT = REPO / "docs" / "scaling.md"
BEGIN, END = "<!-- made by `python -m bench.simulate --write` -->", "<!-- end of the tables -->"
_CAPPED = 0.005  # in the document's second table of lost workers
PARETO = 1.16  # of the bench's mix: a fifth of the influencers draws four fifths of the acts


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one worker process on one core, measured."""

    cpu_us: float
    rebalance_s: float

    @property
    def capacity(self) -> float:
        """Events/s of one worker that does nothing else."""
        return 1e6 / self.cpu_us


@dataclass(frozen=True, slots=True)
class Spread:
    """How evenly load lies: the largest share, times the count (1: perfectly even)."""

    busiest_partition: float
    busiest_worker: float


@cache
def popularity(influencers: int, cap: float) -> tuple[float, ...]:
    """Shares of all events, falling: the quantiles of the bench's Pareto distribution, none above `cap` (what
    is above it is left out of the whole, as if it were sampled)."""
    weights = [((rank + 0.5) / influencers) ** (-1 / PARETO) for rank in range(influencers)]
    most = cap * sum(weights)
    weights = [min(weight, most) for weight in weights]
    whole = sum(weights)
    return tuple(weight / whole for weight in weights)


@cache
def shares(influencers: int, cap: float, partitions: int, seed: int) -> tuple[float, ...]:
    """Share of the events of each partition."""
    out = [0.0] * partitions
    each = popularity(influencers, cap)
    places = Random(seed).choices(range(partitions), k=influencers)
    for place, share in zip(places, each, strict=True):
        out[place] += share
    return tuple(out)


def dealt(partitions: Sequence[float], workers: int, rng: Random) -> list[float]:
    """Load of each worker, as shares: partitions are dealt by number, whatever their load, from a drawn
    worker on (whose turn it is depends on the members' ids)."""
    out = [0.0] * workers
    first = rng.randrange(workers)
    for number, share in enumerate(partitions):
        out[(first + number) % workers] += share
    return out


def catch_up_s(load: float, rate: float, capacity: float, paused_s: float) -> float:
    """Seconds from the end of a pause until a worker with that share of `rate` events/s has worked off what
    came meanwhile; infinite when it has no capacity left."""
    spare = capacity - load * rate
    return float("inf") if spare <= 0 else load * rate * paused_s / spare


def spread(influencers: int, cap: float, partitions: int, workers: int, seeds: Sequence[int]) -> Spread:
    """Medians over the seeds."""
    each = {seed: shares(influencers, cap, partitions, seed) for seed in seeds}
    return Spread(
        median(max(one) * partitions for one in each.values()),
        median(max(dealt(one, workers, Random(seed))) * workers for seed, one in each.items()),
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one kill (or one more worker) in one drawn installation."""

    behind: int  # workers that never catch up
    slowest_s: float  # of those that do, from the event on
    median_s: float


def rebalance(
    influencers: int, cap: float, partitions: int, after: int, rate: float, cost: Cost, seed: int
) -> Outcome:
    """A pause for all, then the partitions are dealt to `after` workers, and the backlog is worked off."""
    loads = dealt(shares(influencers, cap, partitions, seed), after, Random(seed + 1))
    times = [catch_up_s(load, rate, cost.capacity, cost.rebalance_s) for load in loads]
    known = [cost.rebalance_s + one for one in times if one != float("inf")]
    behind = len(times) - len(known)
    return Outcome(behind, max(known, default=float("inf")), median(known) if known else float("inf"))


def plan(options: argparse.Namespace) -> list[tuple[str, str]]:
    """What the whole installation needs, by multiplication from measured costs."""
    rate, people = options.rate, options.influencers
    workers = rate * options.cpu_us / 1e6 / options.busy
    primaries = rate * options.redis_us / 1e6 / options.busy
    state = people * options.influencer_kib * 1024
    return [
        ("workers (one core each)", f"{workers:,.0f}"),
        ("memory of a worker for its influencers", f"{people / workers * options.held_kib / 2**20:,.1f} GiB"),
        ("into Kafka, and out again", f"{rate * options.event_bytes / 1e6:,.0f} MB/s"),
        ("enriched events back into Kafka", f"{rate * options.enriched_bytes / 1e6:,.0f} MB/s"),
        ("a day of events in Kafka, one copy", f"{rate * options.event_bytes * 86_400 / 1e12:,.1f} TB"),
        ("CPU of Kafka", f"{rate * options.kafka_us / 1e6:,.0f} cores"),
        ("Redis primaries by CPU", f"{primaries:,.0f}"),
        ("Redis primaries by memory", f"{state / options.node_gib / 2**30:,.0f} of {options.node_gib:g} GiB"),
        ("state of all influencers", f"{state / 2**30:,.0f} GiB"),
        ("written to Redis", f"{rate * options.redis_bytes / 1e6:,.0f} MB/s"),
        ("event ids of 48 h, if all were kept", f"{rate * 172_800 * options.id_bytes / 1e12:,.1f} TB"),
        (f"what {options.ids:,} event ids reach back", f"{options.ids / rate:,.0f} s"),
    ]


def arguments(given: Sequence[str]) -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m bench.simulate", description=__doc__, formatter_class=raw
    )
    parser.add_argument("--influencers", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=1_000_000.0, help="events/s of the whole installation")
    parser.add_argument("--cpu-us", type=float, default=93.0, help="of one worker an event, measured")
    parser.add_argument(
        "--busy", type=float, default=0.5, help="how busy a worker or primary may be on average"
    )
    parser.add_argument("--kafka-us", type=float, default=12.0, help="CPU of Kafka an event, measured")
    parser.add_argument("--redis-us", type=float, default=2.0, help="CPU of Redis an event, measured")
    parser.add_argument("--redis-bytes", type=float, default=135.0, help="to Redis an event, measured")
    parser.add_argument("--event-bytes", type=float, default=800.0, help="of an event with its key")
    parser.add_argument(
        "--enriched-bytes", type=float, default=1_140.0, help="of an enriched event with key and headers"
    )
    parser.add_argument("--influencer-kib", type=float, default=61.0, help="in Redis, of one, measured")
    parser.add_argument("--held-kib", type=float, default=60.0, help="in a worker's memory, of one")
    parser.add_argument("--id-bytes", type=float, default=8.0, help="in Redis, of one event id")
    parser.add_argument("--ids", type=int, default=4_000_000, help="RAPPORT_DUPLICATE_MEMORY_IDS")
    parser.add_argument(
        "--node-gib", type=float, default=32.0, help="memory of a Redis primary that may be used"
    )
    parser.add_argument("--rebalance-s", type=float, default=10.0, help="that nobody reads, after a kill")
    parser.add_argument("--partitions", default="512,1024,2048", help="by commas")
    parser.add_argument("--utilisation", default="0.4,0.5,0.6,0.7", help="of a worker, on average; by commas")
    parser.add_argument(
        "--cap", type=float, default=1.0, help="largest share of the events that one may have"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--draws", type=int, default=5, help="medians over so many seeds")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--write", action="store_true", help=f"make the tables of docs/{DOCUMENT.name} anew")
    return parser.parse_args(given)


def simulate(options: argparse.Namespace) -> list[dict[str, object]]:
    """One row for each number of partitions and utilisation."""
    cost = Cost(options.cpu_us, options.rebalance_s)
    seeds = range(options.seed, options.seed + options.draws)
    rows: list[dict[str, object]] = []
    for partitions in map(int, options.partitions.split(",")):
        for busy in map(float, options.utilisation.split(",")):
            workers = max(1, round(options.rate / (cost.capacity * busy)))
            if workers > partitions:
                rows.append(
                    {"partitions": partitions, "utilisation": busy, "workers": workers, "fits": False}
                )
                continue
            even = spread(options.influencers, options.cap, partitions, workers, seeds)
            lost = [
                rebalance(options.influencers, options.cap, partitions, workers - 1, options.rate, cost, seed)
                for seed in seeds
            ]
            rows.append({
                "partitions": partitions, "utilisation": busy, "workers": workers, "fits": True,
                **asdict(even),
                "busiest_worker_busy": even.busiest_worker * busy,
                "never_catch_up": mean(one.behind for one in lost),
                "slowest_s": median(one.slowest_s for one in lost),
                "median_s": median(one.median_s for one in lost),
            })  # fmt: skip
    return rows


def sheets(options: argparse.Namespace, rows: Sequence[dict[str, object]]) -> list[Sheet]:
    """For people, and for docs/scaling.md."""
    needs = Sheet(
        f"What it takes, workers and primaries {options.busy:.0%} busy", ("", "needed"), plan(options)
    )
    top = Sheet(
        f"The most popular influencer, of {options.rate:,.0f} events/s",
        ("influencers", "share", "its events/s", "workers it would fill"),
    )
    for count in (1_000, 10_000, 100_000, options.influencers):
        share = popularity(count, options.cap)[0]
        own = share * options.rate
        top.rows.append((f"{count:,}", f"{share:.2%}", f"{own:,.0f}", f"{own * options.cpu_us / 1e6:.1f}"))
    cap = f", none above {options.cap:.2%}" if options.cap < 1 else ""
    many = Sheet(
        f"A worker is lost: {options.influencers:,} influencers{cap}, seeds {options.seed} to "
        f"{options.seed + options.draws - 1}",
        ("partitions", "busy on average", "workers", "busiest partition", "busiest worker", "it is busy",
         "never catch up", "caught up, median, s", "slowest, s"),
    )  # fmt: skip
    for row in rows:
        first = (f"{row['partitions']:,}", f"{row['utilisation']:.0%}", f"{row['workers']:,}")
        if not row["fits"]:
            many.rows.append((*first, "more workers than partitions", "", "", "", "", ""))
            continue
        many.rows.append((
            *first, f"{row['busiest_partition']:.2f}", f"{row['busiest_worker']:.2f}",
            f"{row['busiest_worker_busy']:.0%}", f"{row['never_catch_up']:.1f}", f"{row['median_s']:.0f}",
            f"{row['slowest_s']:.0f}",
        ))  # fmt: skip
    return [needs, top, many]


def document(text: str, options: argparse.Namespace, capped: argparse.Namespace) -> str:
    """The text with its tables made anew: as it would be, and with a cap.

    Raises:
        ValueError: It has no markers.
    """
    head, found, rest = text.partition(BEGIN)
    _, closed, tail = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"no place for the tables between {BEGIN} and {END}")
    made = sheets(options, simulate(options))
    made.append(sheets(capped, simulate(capped))[-1])
    told = "\n\n".join(f"**{sheet.title}**\n\n{sheet.markdown()}" for sheet in made)
    costs = (
        f"Assumed: {options.cpu_us:g} µs of CPU an event in a worker, {options.kafka_us:g} in Kafka, "
        f"{options.redis_us:g} and {options.redis_bytes:g} bytes in Redis; {options.influencer_kib:g} KiB an "
        f"influencer in Redis, {options.held_kib:g} in a worker; a rebalance of {options.rebalance_s:g} s."
    )
    return f"{head}{BEGIN}\n{costs}\n\n{told}\n{END}{tail}"


def main(given: Sequence[str]) -> int:
    """Print the tables, or write them into the document."""
    options = arguments(given)
    if options.write:
        capped = argparse.Namespace(**(vars(options) | {"cap": _CAPPED}))
        text = document(DOCUMENT.read_text(encoding="utf-8"), options, capped)
        DOCUMENT.write_text(text, encoding="utf-8")
        return 0
    rows = simulate(options)
    if options.json:
        print(json.dumps({"plan": dict(plan(options)), "rows": rows}, indent=1))
        return 0
    for sheet in sheets(options, rows):
        Console(width=150).print(sheet.table())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
