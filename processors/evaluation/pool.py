"""Directories side by side: one process each, at most as many as there are CPUs.

Influencers of one directory stay together: what crosses influencers (the same actors on several of them, a
purge on everybody) is seen only by who sees them all.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from processors.evaluation.judge import Result, judge

_done: Synchronized[int] | None = None


def judge_all(
    paths: Sequence[Path], *, controls: bool = False, jobs: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> list[Result]:  # fmt: skip
    """Results in the order of the paths. `on_progress(events done in all)`.

    Raises:
        EvaluationError: of the first directory that cannot be judged.
    """
    jobs = min(len(paths), jobs or _cpus())
    if jobs <= 1:
        return _one_by_one(paths, controls, on_progress)
    context = multiprocessing.get_context("spawn")  # no locks and no event loop of the parent's come along
    done: Synchronized[int] = context.Value("q", 0)
    pool = ProcessPoolExecutor(jobs, context, _begin, (done,))
    try:
        futures = [pool.submit(_work, path, controls) for path in paths]
        rest = set(futures)
        while rest:
            finished, rest = wait(rest, timeout=0.2, return_when=FIRST_EXCEPTION)
            for future in finished:
                future.result()
            if on_progress is not None:
                on_progress(done.value)
        return [future.result() for future in futures]
    except BaseException:
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            process.terminate()  # they ignore Ctrl-C, and would go on for minutes
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _one_by_one(
    paths: Sequence[Path], controls: bool, on_progress: Callable[[int], None] | None
) -> list[Result]:
    total = 0

    def more(count: int) -> None:
        nonlocal total
        total += count
        if on_progress is not None:
            on_progress(total)

    return [judge(path, controls=controls, on_progress=more) for path in paths]


def _begin(done: Synchronized[int]) -> None:
    global _done
    _done = done
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us


def _work(path: Path, controls: bool) -> Result:
    return judge(path, controls=controls, on_progress=_add)


def _add(count: int) -> None:
    if _done is not None:
        with _done.get_lock():
            _done.value += count
