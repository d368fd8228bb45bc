"""What every peer in Python is told by its environment, and how it says how long it took."""

import json
import os
import sys
import time

BROKER = os.environ["PEER_BROKER"]
TOPIC = os.environ["PEER_TOPIC"]
EVENTS = int(os.environ["PEER_EVENTS"])
WARMUP = int(os.environ["PEER_WARMUP"])


def group() -> str:
    """A consumer group of this run's own."""
    return os.environ["PEER_GROUP"]


class Clock:
    """Counts events; the time runs from the first after the warm-up to the last."""

    def __init__(self) -> None:
        self.seen = 0
        self.began = self.cpu = 0.0

    def tick(self, count: int = 1) -> None:
        self.seen += count
        if not self.began and self.seen >= WARMUP:
            self._from = self.seen
            self.began, self.cpu = time.monotonic(), time.process_time()

    def report(self, counted: int) -> None:
        """One line of JSON. `counted`: the sum of all counts, which must be all events."""
        seconds, cpu = time.monotonic() - self.began, time.process_time() - self.cpu
        line = {"events": self.seen - self._from, "seconds": seconds, "cpu_s": cpu, "counted": counted}
        print(json.dumps(line), file=sys.__stdout__, flush=True)  # Faust makes log lines of sys.stdout
