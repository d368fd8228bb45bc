"""`python -m bench.peers`: our counting job beside what people would use instead, on one topic, in turns.

Each peer gets an environment of its own under `.cache/peers` (made the first time, some minutes), the same
events on the same Apache Kafka, and a warm-up that is not counted. Runs alternate, so that a machine that
slows down slows all; medians are told.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measure import machine
from processors.generator.bench import bench_events
from streams.sending import send
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.servers import REPO, ApacheKafka

HERE = Path(__file__).parent
CACHE = REPO / ".cache" / "peers"
console = Console(stderr=True)


@dataclass(frozen=True)
class Peer:
    """One contender. `needs`: what pip installs; `share`: of the events, where all would take all day."""

    name: str
    script: str
    needs: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    share: float = 1.0


FAUST = ("faust-streaming==0.15.3", "aiokafka==0.14.0")
PEERS = (
    Peer("Faust, event by event", "faust_per_event.py", FAUST, share=0.1),
    Peer("Faust, take(1000)", "faust_per_event.py", FAUST, {"PEER_TAKE": "1000"}, 0.1),
    Peer("Quix Streams", "quix.py", ("quixstreams==3.28.1",), share=0.3),
    Peer("Bytewax", "wax.py", ("bytewax==0.21.1", "confluent-kafka==2.16.1"), share=0.5),
    Peer("confluent-kafka, a loop", "loop_confluent.py", ("confluent-kafka==2.16.1",)),
    Peer("Kafka Streams (Java)", "kafka_streams"),
    Peer("Rapport's engine", "ours"),
)  # fmt: skip


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
    if not (place / "complete").exists():
        console.print("fetching Kafka Streams with Maven")
        command = ["mvn", "--batch-mode", "--quiet", "--file", str(source / "pom.xml")]
        subprocess.run([*command, "dependency:copy-dependencies", f"-DoutputDirectory={place}"], check=True)
        compiler = ["java", "-cp", f"{place}/*", "org.eclipse.jdt.internal.compiler.batch.Main", "-17"]
        subprocess.run([*compiler, "-cp", ":".join(map(str, place.glob("*.jar"))), "-d", str(place),
                        str(source / "Counting.java")], check=True)  # fmt: skip
        (place / "complete").touch()
    return ["java", "-Xmx1g", "-cp", f"{place}:{place}/*", "Counting"]


def command_of(peer: Peer) -> list[str]:
    if peer.script == "kafka_streams":
        return java()
    if peer.script == "ours":
        return [sys.executable, "-m", "bench.peers.ours"]
    return [str(python_of(peer)), str(HERE / peer.script)]


def run(peer: Peer, settings: Settings, events: int, number: int, most_s: float) -> dict[str, Any] | None:
    """One run; None (and why on the console) when it failed."""
    total = max(1_000, int(events * peer.share))
    with tempfile.TemporaryDirectory(prefix="rapport-peer-") as place:
        env = {name: value for name, value in os.environ.items() if not name.startswith("RAPPORT_")}
        env |= peer.env | {
            "PEER_BROKER": settings.broker, "PEER_TOPIC": settings.topic("engagement.events.v1"),
            "PEER_EVENTS": str(total), "PEER_WARMUP": str(total // 10), "PEER_DIR": place,
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


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--only", help="names that contain this")
    parser.add_argument("--most-s", type=float, default=300.0, help="longest time of one run")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    peers = [peer for peer in PEERS if not options.only or options.only.lower() in peer.name.lower()]
    for peer in peers:
        command_of(peer)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with ApacheKafka() as kafka:
        settings = Settings(broker=kafka.address, partitions=options.partitions)
        asyncio.run(ensure_topics(settings))
        events = bench_events(options.events, start=time.time() - 7_200, stretch_s=3_600.0)
        sent = asyncio.run(send(settings, events, total=options.events))
        console.print(
            f"{sent.sent:,} events of {sent.bytes / sent.sent:.0f} bytes on {options.partitions} partitions"
        )
        for number in range(options.runs):
            for peer in peers:
                if (result := run(peer, settings, options.events, number, options.most_s)) is not None:
                    found[peer.name].append(result)
                    rate = result["events"] / result["seconds"]
                    console.print(f"run {number + 1}: {peer.name}: {rate:,.0f} events/s")
    rates = {
        name: statistics.median(one["events"] / one["seconds"] for one in results)
        for name, results in found.items()
    }
    ours = rates.get("Rapport's engine")
    table = Table("who", "events/s (median)", "CPU, µs an event", "ours to theirs")
    for name, rate in sorted(rates.items(), key=lambda item: item[1]):
        cpu = [one["cpu_s"] / one["events"] * 1e6 for one in found[name] if one["cpu_s"]]
        table.add_row(
            name,
            f"{rate:,.0f}",
            f"{statistics.median(cpu):.1f}" if cpu else "",
            f"{ours / rate:.1f}" if ours else "",
        )
    Console().print(table)
    if options.json:
        told = {
            "machine": machine(),
            "events": options.events,
            "runs": options.runs,
            "rates": rates,
            "all": found,
        }
        options.json.write_text(json.dumps(told, indent=1) + "\n")
    return 0 if len(rates) == len(peers) else 1


if __name__ == "__main__":
    sys.exit(main())
