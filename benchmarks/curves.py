"""The curves: what a delivery to 100 listeners costs, beside more and more that has nothing to do with them.

The servers of a curve run at the same time, each with its crowd, and their crowds talk in turn, again and again: what
makes the machine slower for a while, by a third or more, does so to all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from benchmarks.machine import resident_bytes
from benchmarks.run import Crowd, Run, check, crowd, fill, settle, talk
from benchmarks.servers import Contender, Running, fresh
from benchmarks.workloads import Pace, Workload

SECONDS, WARM = 0.3, 0.1  # of talk at a time, and before what counts


def curve(contender: Contender, works: Sequence[Workload], pace: Pace) -> list[Run]:
    """Return a run for each point in each round. Raises Failed where one came to nothing, or something was lost."""
    found: list[Run] = []
    short = replace(pace, seconds=SECONDS, warm=WARM)
    with ExitStack() as open_still:
        points = [(work, *_gathered(open_still, contender, work)) for work in works]
        for _ in range(pace.rounds):
            for work, server, people, known in points:
                told = talk(server, people, short)
                check(told)
                found.append({**known, **told, "server": contender.name, "workload": work.key})
    return found


def _gathered(open_still: ExitStack, contender: Contender, work: Workload) -> tuple[Running, Crowd, Run]:
    """Return a server with a crowd, and what was to be seen of it until now."""
    server = open_still.enter_context(fresh(contender))
    settle(contender)
    if work.stored:
        fill(server, work.stored)
    empty = resident_bytes(server.pid)
    options = [*work.options(), f"--door={contender.door}", f"--seconds={SECONDS}", f"--warm={WARM}"]
    people = open_still.enter_context(crowd(server, contender.speech, options))
    joined = people.joined()
    each = (resident_bytes(server.pid) - empty) / work.people
    return server, people, {**joined, "people": work.people, "empty_bytes": empty, "bytes_per_connection": each}
