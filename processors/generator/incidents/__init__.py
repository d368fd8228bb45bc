"""What happens to influencers: incidents, and the hard negatives that look like them."""

from processors.generator.incidents import bought, coordinated, delivery, drifts, negatives, people, surges
from processors.generator.incidents.base import REGISTRY, Extra, Incident, Own, Post, registered

__all__ = [
    "REGISTRY", "Extra", "Incident", "Own", "Post", "bought", "coordinated", "delivery", "drifts",
    "negatives", "people", "registered", "surges",
]  # fmt: skip
