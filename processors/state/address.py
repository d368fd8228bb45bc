"""Addresses of Redis, and of a Redis Cluster.

``redis://node-1:6379?cluster=yes`` is a cluster, found through that node;
``?cluster=node-2:6379,node-3:6379`` names more nodes to begin with, for when the first is down.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_SAYS_YES = ("yes", "true", "1")
_SAYS_NO = ("no", "false", "0", "")


def cluster_of(url: str) -> tuple[str, list[tuple[str, int]] | None]:
    """The address without its `cluster`, and further nodes to begin with; None when it names one server.

    Raises:
        ValueError: `cluster` cannot be read.
    """
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    said = [value for name, value in query if name == "cluster"]
    if not said:
        return url, None
    rest = urlencode([(name, value) for name, value in query if name != "cluster"], safe="/")
    plain = urlunsplit(parts._replace(query=rest))
    if said[-1].lower() in _SAYS_NO:
        return plain, None
    if parts.scheme == "unix":
        raise ValueError("a cluster is reached by redis:// or rediss://, not by unix://")
    nodes = [] if said[-1].lower() in _SAYS_YES else [_node(part) for part in said[-1].split(",")]
    return plain, nodes


def _node(text: str) -> tuple[str, int]:
    host, _, port = text.strip().rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError(f"cluster={text!r}: say yes, or name further nodes as host:port,host:port")
    return host.strip("[]"), int(port)
