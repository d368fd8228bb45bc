"""`python -m bench.peers`: our counting job beside what people would use instead, on one topic, in turns.

Each peer gets an environment of its own under `.cache/peers` (made the first time, some minutes), the same
events on the same Apache Kafka, and a warm-up that is not counted: 50,000 events, and 400,000 for the JVM,
which compiles as it goes. Then all are timed over the same number. Runs alternate, each second one in reverse
order, so that a machine that slows down slows all; medians are told.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.installation import console
from bench.report import Sheet, finish, said, spread
from processors.generator.bench import bench_events
from streams.sending import send
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.servers import REPO, ApacheKafka

HERE = Path(__file__).parent
CACHE = REPO / ".cache" / "peers"


@dataclass(frozen=True)
class Peer:
    """One contender. `needs`: what pip installs; `warmup`: events before its time runs."""

    name: str
    script: str
    needs: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    warmup: int = 50_000


FAUST = ("faust-streaming==0.15.3", "aiokafka==0.14.0")
OURS = Peer("Rapport's engine", "ours")
PEERS = (
    Peer("Faust, event by event", "faust_per_event.py", FAUST),
    Peer("Faust, take(1000)", "faust_per_event.py", FAUST, {"PEER_TAKE": "1000"}),
    Peer("Quix Streams", "quix.py", ("quixstreams==3.28.1",)),
    Peer("Bytewax", "wax.py", ("bytewax==0.21.1", "confluent-kafka==2.16.1")),
    Peer("confluent-kafka, a loop", "loop_confluent.py", ("confluent-kafka==2.16.1",)),
    Peer("Kafka Streams (Java)", "kafka_streams", warmup=400_000),
    OURS,
)


def python_of(peer: Peer) -> Path:
    """The interpreter of a peer's environment, made when it is missing."""
    place = CACHE / peer.script.removesuffix(".py")
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        console.print(f"making an environment for {peer.name}")
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.needs]
        subprocess.run(pip, check=True)
        (place / "complete").touch()
    return python


def java() -> list[str]:
    """The command that runs Kafka Streams; compiled by Eclipse's compiler, so a JRE is enough."""
    place, source = CACHE / "kafka_streams", HERE / "kafka_streams"
    program, made = source / "Counting.java", place / "Counting.class"
    if not (place / "complete").exists():
        console.print("fetching Kafka Streams with Maven")
        command = ["mvn", "--batch-mode", "--quiet", "--file", str(source / "pom.xml")]
        subprocess.run([*command, "dependency:copy-dependencies", f"-DoutputDirectory={place}"], check=True)
        (place / "complete").touch()
    if not made.exists() or made.stat().st_mtime < program.stat().st_mtime:
        compiler = ["java", "-cp", f"{place}/*", "org.eclipse.jdt.internal.compiler.batch.Main", "-17"]
        jars = ":".join(map(str, place.glob("*.jar")))
        subprocess.run([*compiler, "-nowarn", "-cp", jars, "-d", str(place), str(program)], check=True)
    return ["java", "-Xmx1g", "-cp", f"{place}:{place}/*", "Counting"]


def command_of(peer: Peer) -> list[str]:
    if peer.script == "kafka_streams":
        return java()
    if peer.script == "ours":
        return [sys.executable, "-m", "bench.peers.ours"]
    return [str(python_of(peer)), str(HERE / peer.script)]


def run(peer: Peer, settings: Settings, events: int, number: int, most_s: float) -> dict[str, Any] | None:
    """One run, timed over `events`; None (and why on the console) when it failed."""
    with tempfile.TemporaryDirectory(prefix="rapport-peer-") as place:
        env = {name: value for name, value in os.environ.items() if not name.startswith("RAPPORT_")}
        env |= peer.env | {
            "PEER_BROKER": settings.broker, "PEER_TOPIC": settings.topic("engagement.events.v1"),
            "PEER_EVENTS": str(peer.warmup + events), "PEER_WARMUP": str(peer.warmup), "PEER_DIR": place,
            "PEER_GROUP": f"peer-{number}-{time.time_ns()}",
        }  # fmt: skip
        try:
            done = subprocess.run(
                command_of(peer), env=env, capture_output=True, text=True, timeout=most_s, cwd=REPO
            )
        except subprocess.TimeoutExpired:
            console.print(f"{peer.name}: not done within {most_s:g} s")
            return None
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"events"')]
    if not lines:
        console.print(f"{peer.name} failed with {done.returncode}:\n{(done.stderr or done.stdout)[-1_500:]}")
        return None
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--events", type=int, default=300_000, help="that each is timed over")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--only", help="names that contain this")
    parser.add_argument("--most-s", type=float, default=300.0, help="longest time of one run")
    parser.add_argument("--note", default="", help="kept with the results")
    parser.add_argument("--json", action="store_true", help="print the results as JSON instead of a table")
    return parser.parse_args()


def compare(options: argparse.Namespace, peers: Sequence[Peer]) -> dict[str, list[dict[str, Any]]]:
    """All runs, by peer."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with ApacheKafka() as kafka:
        settings = Settings(broker=kafka.address, partitions=options.partitions)
        asyncio.run(ensure_topics(settings))
        total = options.events + max(peer.warmup for peer in peers)
        events = bench_events(total, start=time.time() - 7_200, stretch_s=3_600.0)
        sent = asyncio.run(send(settings, events, total=total))
        console.print(
            f"{sent.sent:,} events of {sent.bytes / sent.sent:.0f} bytes on {options.partitions} partitions"
        )
        for number in range(options.runs):
            for peer in peers if number % 2 == 0 else reversed(peers):
                if (result := run(peer, settings, options.events, number, options.most_s)) is not None:
                    found[peer.name].append(result)
                    rate = result["events"] / result["seconds"]
                    console.print(f"run {number + 1}: {peer.name}: {rate:,.0f} events/s")
    return found


def main() -> int:
    options = arguments()
    peers = [peer for peer in PEERS if not options.only or options.only.lower() in peer.name.lower()]
    for peer in peers:
        command_of(peer)
    found = compare(options, peers)
    rates = {
        name: spread(one["events"] / one["seconds"] for one in results) for name, results in found.items()
    }
    ours = rates.get(OURS.name)
    sheet = Sheet(
        f"the counting job, {options.events:,} events after a warm-up",
        ("who", "events/s", "CPU, µs an event", "ours to theirs"), unit="events/s",
    )  # fmt: skip
    for name, rate in sorted(rates.items(), key=lambda item: item[1]["median"]):
        cpu = spread(one["cpu_s"] / one["events"] * 1e6 for one in found[name])
        ratio = f"{ours['median'] / rate['median']:.1f}" if ours else ""
        sheet.rows.append((name, said(rate), said(cpu, ".1f"), ratio))
        sheet.bars.append((name, rate["median"]))
    finish("peers", options, {"rates": rates, "runs": found}, [sheet])
    return 0 if len(rates) == len(peers) else 1


if __name__ == "__main__":
    sys.exit(main())
