"""Throughput, latency and memory of the whole job: `make bench`, or `python -m bench`.

`python -m bench` runs one worker on Apache Kafka and Redis; `python -m bench.core` the core alone, in memory.
"""
