"""A Redis Cluster of the machine's redis-server, on free ports of 127.0.0.1; up in about 2 s."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import redis
from redis.cluster import ClusterNode

from streams.children import Child, free_port
from streams.embedded import redis_answers
from tests.servers import need

_SLOTS = 16_384
_HOST = "127.0.0.1"


@dataclass(slots=True)
class Node:
    """One server of the cluster. `bus`: the port on which the nodes speak to each other."""

    port: int
    bus: int
    command: list[str]
    log: Path
    child: Child

    def restart(self) -> None:
        """Start it again after a kill, on its ports and with what it knew of the cluster."""
        self.child = Child("redis-server", self.command, self.log)

    def client(self) -> Any:
        """A client of this node alone."""
        return redis.Redis(port=self.port, socket_timeout=5, retry=None)

    def ask(self, *words: object) -> Any:
        """One command to this node."""
        with contextlib.closing(self.client()) as client:
            return client.execute_command(*words)


class RedisCluster:
    """`primaries` nodes share the slots, each with so many `replicas`; a dead one is replaced in 1 to 2 s."""

    def __init__(
        self, *, primaries: int = 3, replicas: int = 0, config: dict[str, str] | None = None
    ) -> None:
        need("redis-server")
        self.directory = Path(tempfile.mkdtemp(prefix="cluster-"))
        self._config = config or {}
        self._primaries, self._replicas = primaries, replicas
        self.nodes: list[Node] = []

    @property
    def url(self) -> str:
        """Found through any node that is up."""
        first, *rest = self.nodes
        others = ",".join(f"{_HOST}:{node.port}" for node in rest)
        return f"redis://{_HOST}:{first.port}/0?cluster={others}"

    def start(self) -> Self:
        """Starts the nodes, gives out the slots, and waits until all agree."""
        try:
            for number in range(self._primaries * (1 + self._replicas)):
                self.nodes.append(self._start(number))
            for node in self.nodes:
                node.child.wait_until(lambda n=node: redis_answers(_HOST, n.port), 30, says="Ready to accept")
            self._join()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self, number: int) -> Node:
        place = self.directory / str(number)
        place.mkdir()
        port, bus = free_port(), free_port()
        words = {
            "port": port, "bind": _HOST, "cluster-enabled": "yes", "cluster-port": bus, "dir": place,
            "cluster-node-timeout": 1_000, "cluster-replica-validity-factor": 0, "save": "",
            "appendonly": "no", "maxmemory-policy": "noeviction", "daemonize": "no",
        } | self._config  # fmt: skip
        command = ["redis-server"]
        for name, value in words.items():
            command += [f"--{name}", str(value)]
        log = place / "redis.log"
        return Node(port, bus, command, log, Child("redis-server", command, log))

    def _join(self) -> None:
        owners, share = self.nodes[: self._primaries], _SLOTS / self._primaries
        for number, node in enumerate(self.nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if number:
                node.ask("CLUSTER", "MEET", _HOST, self.nodes[0].port, self.nodes[0].bus)
        for number, node in enumerate(owners):
            first, end = round(number * share), round((number + 1) * share)
            node.ask("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
        self._until(lambda node: self._info(node)["cluster_known_nodes"] == str(len(self.nodes)))
        for number, node in enumerate(self.nodes[self._primaries :]):
            node.ask("CLUSTER", "REPLICATE", owners[number % self._primaries].ask("CLUSTER", "MYID"))
        self._until(lambda node: self._info(node)["cluster_state"] == "ok")
        if self._replicas:
            self._until(lambda node: len(node.ask("ROLE")[2]) == self._replicas, owners)

    def _info(self, node: Node) -> dict[str, str]:
        told: dict[str, str] = node.ask("CLUSTER INFO")
        return told

    def _until(self, holds: Callable[[Node], bool], nodes: list[Node] | None = None) -> None:
        deadline = time.monotonic() + 20
        for node in nodes or self.nodes:
            while not holds(node):
                assert time.monotonic() < deadline, f"the cluster did not come together: {self._info(node)}"
                time.sleep(0.05)

    def owner_of(self, key: str) -> Node:
        """The primary that has the key's slot, as a living node sees it."""
        alive = next(node for node in self.nodes if node.child.running)
        slot = alive.ask("CLUSTER", "KEYSLOT", key)
        for first, last, primary, *_ in alive.ask("CLUSTER SLOTS"):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == primary[1])
        raise AssertionError(f"nobody has slot {slot}")

    def replica_of(self, primary: Node) -> Node:
        """One that follows this primary, as the primary sees it."""
        port = int(primary.ask("ROLE")[2][0][1])
        return next(node for node in self.nodes if node.port == port)

    def client(self) -> Any:
        """A client of the whole, that finds it through a node that is up."""
        alive = [ClusterNode(_HOST, node.port) for node in self.nodes if node.child.running]
        return redis.RedisCluster(startup_nodes=alive, socket_timeout=20)

    def move(self, slot: int, target: Node) -> None:
        """Move an empty or small slot to another primary, as an operator's resharding does."""
        source = next(
            node for node in self.nodes
            for first, last, primary, *_ in self.nodes[0].ask("CLUSTER SLOTS")
            if first <= slot <= last and primary[1] == node.port
        )  # fmt: skip
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.ask("CLUSTER", "MYID"))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.ask("CLUSTER", "MYID"))
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 1_000):
            source.ask("MIGRATE", _HOST, target.port, "", 0, 5_000, "KEYS", *keys)
        mine = target.ask("CLUSTER", "MYID")
        for node in (target, source, *(n for n in self.nodes if n not in (target, source))):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", mine)

    def stop(self) -> None:
        """Ends the nodes; nothing is kept."""
        for node in self.nodes:
            node.child.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
