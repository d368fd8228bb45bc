"""Advertising in own posts: whether a text names a brand, calls to buy, and tells people that it is paid.

text = Folded("Mein Code ANN10 …")
names(("acme",), ("bluesky:did:plc:acme",)).named(text, mentions, tags, urls)    a brand mention
commercial_cue(text, urls)          "code", "discount", "link", "call to buy", "relation", or None
check(text, tags, "DE")             Check: proper or not, and why
rule_of("DE")                       what that country asks for, with its source
"""

from processors.disclosure.cues import commercial_cue
from processors.disclosure.folding import Folded, folded
from processors.disclosure.naming import Names, names
from processors.disclosure.rules import RULES, Rule, rule_of
from processors.disclosure.tags import Check, check

__all__ = [
    "RULES", "Check", "Folded", "Names", "Rule", "check", "commercial_cue", "folded", "names", "rule_of",
]  # fmt: skip
