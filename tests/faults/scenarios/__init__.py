"""The scenarios, by what they break. `load_all` imports them all, so that each registers itself."""

from importlib import import_module

_ROOMS = (
    "kills", "fleet", "stores", "cluster", "brokers", "logs", "network", "shapes", "clock", "delivery",
    "overload",
)  # fmt: skip


def load_all() -> None:
    """Import every room."""
    for name in _ROOMS:
        import_module(f"{__name__}.{name}")
