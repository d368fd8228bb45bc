"""`python -m bench WHAT [options]`: how fast, how soon, how much memory, on Apache Kafka and Redis.

Every measurement writes JSON (machine, versions, settings, load average, all runs), a table in Markdown and
a picture under bench/results. Figures are medians of `--runs`. Kafka, Redis, the worker and whatever
measures share the machine's cores, so look at the CPU of the worker an event (µs) beside events/s. It needs
Java, Maven (to fetch Kafka, once) and redis-server.
"""

from __future__ import annotations

import argparse
import importlib
import sys

#: Names on the command line, and the modules that measure.
WHAT = {
    "job": "bench.job",
    "counting": "bench.counting",
    "latency": "bench.latency",
    "alerts": "bench.alert_latency",
    "memory": "bench.sizes",
    "scaling": "bench.scaling",
    "recovery": "bench.recovery",
    "startup": "bench.startup",
}


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, formatter_class=raw)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--runs", type=int, help="medians of so many (5, or what its help says)")
    common.add_argument("--partitions", type=int, default=8, help="of the events topic")
    common.add_argument("--note", default="", help="kept with the results")
    common.add_argument("--json", action="store_true", help="print the results as JSON instead of tables")
    kinds = parser.add_subparsers(dest="what", metavar="WHAT")
    for name, module in WHAT.items():
        found = importlib.import_module(module)
        title = (found.__doc__ or "").partition(": ")[2].partition("\n")[0].rstrip(".").replace("%", "%%")
        one = kinds.add_parser(
            name,
            parents=[common],
            help=title,
            description=found.__doc__,
            formatter_class=raw,
        )
        found.arguments(one)
    kinds.add_parser("all", parents=[common], help="each of them in turn, as they are by default")
    return parser


def main(arguments: list[str]) -> int:
    """Without a name it is the job: `python -m bench --runs 3`."""
    from bench.report import finish

    if not arguments or arguments[0] not in {*WHAT, "all", "-h", "--help"}:
        arguments = ["job", *arguments]
    parser = _parser()
    given = parser.parse_args(arguments)
    for name in WHAT if given.what == "all" else (given.what,):
        options = given if name == given.what else parser.parse_args([name, *arguments[1:]])
        module = importlib.import_module(WHAT[name])
        if options.runs is None:
            options.runs = getattr(module, "RUNS", 5)
        found, sheets = module.measure(options)
        finish(name, options, found, sheets)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
