"""What people would use instead, on the same topic in the same run: `python -m bench.peers`.

The job is the smallest that all can do: events counted by influencer, minute of event time and kind. Each is
one file, written as its own documentation would, in an environment of its own; only `ours` imports Rapport.
"""
