"""What every test gets: a time limit, a look for what it left behind, and the fixtures that start things.

A test that needs more than requirements.txt skips with a reason; under `make test` (CHAT_TESTS_COMPLETE=1),
where everything is installed, a skip is a failure.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import pytest

from chat.limits import ledger
from tests.link_helpers import Listener, Visitor
from tests.support import (
    PATIENCE,
    Connection,
    JsonClient,
    LineClient,
    Nursery,
    PlainClient,
    Program,
    Server,
    Terminal,
)
from tests.support.screen import virtual_screen

LIMIT = 120
"""Seconds a test may take with all it sets up, unless it is marked `@pytest.mark.limit(seconds)`."""

FOR_DEVELOPERS = ("hypothesis", "playwright", "prometheus_client", "trustme")
"""What tests import of requirements-dev.txt, beyond requirements.txt."""

COMPLETE = os.environ.get("CHAT_TESTS_COMPLETE") == "1"

Closable = TypeVar("Closable", bound=Connection | Terminal)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks, make a skip of what cannot be imported, and tell Hypothesis how to go about it.

    It takes the time that it needs; under `make test` its examples stay the same, for `make fuzz` looks for new ones.
    """
    with contextlib.suppress(ImportError):
        from hypothesis import HealthCheck, settings

        patient = settings(deadline=None, derandomize=COMPLETE, suppress_health_check=[HealthCheck.too_slow])
        settings.register_profile("patient", patient)
        settings.load_profile("patient")
    sys.meta_path.append(_NotInstalled)
    os.environ.pop("NOTIFY_SOCKET", None)  # whoever has started us is not told what our servers do
    config.addinivalue_line("markers", f"limit(seconds): the test may take this long, not {LIMIT} s")
    config.addinivalue_line("markers", "long: takes long; `make faults` runs it, `make test` does not")
    config.addinivalue_line("markers", "keeps(reason): a library keeps descriptors or threads open for the whole run")


# ---- limits and skips -----------------------------------------------------------------------------------------


class _NotInstalled:
    """The last to be asked for a module, after all who might have it: a file that needs it is skipped."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> None:
        """Skip the file that imports what only requirements-dev.txt brings."""
        if name in FOR_DEVELOPERS:
            pytest.skip(f"needs {name} (pip install -r requirements-dev.txt)", allow_module_level=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Break off a test that takes too long, showing where all threads are; again and again if its end hangs too."""
    mark = item.get_closest_marker("limit")
    limit = float(mark.args[0]) if mark else LIMIT

    def break_off(_signal: int, _frame: FrameType | None) -> None:
        faulthandler.dump_traceback(file=sys.__stderr__ or sys.stderr)
        pytest.fail(f"the test took longer than its limit of {limit:g} s")

    before = signal.signal(signal.SIGALRM, break_off)
    signal.setitimer(signal.ITIMER_REAL, limit, 20)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _without_skips(report: pytest.TestReport | pytest.CollectReport) -> None:
    if COMPLETE and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, although `make test` installs everything: {report.longrepr}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skipped test as failed where nothing may be missing."""
    report = yield
    _without_skips(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Count a skipped file as failed where nothing may be missing."""
    report = yield
    _without_skips(report)
    return report


# ---- leaks ----------------------------------------------------------------------------------------------------


def _descriptors() -> dict[str, str]:
    """Return what each open descriptor leads to, but that of the look itself."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            what = f"descriptor {entry.name}: {entry.readlink()}"
            found[what] = what
    return found


def _children() -> dict[str, str]:
    found = {}
    for task in Path("/proc/self/task").iterdir():
        try:
            children = (task / "children").read_text(encoding="ascii")
        except FileNotFoundError:  # a thread that has just ended
            continue
        for pid in children.split():
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found[pid] = f"process {pid}: {command or '(ended, but nobody waited for it)'}"
    return found


def _belongings() -> dict[str, str]:
    """Return what this process holds now, each thing under a key of its own."""
    threads = {f"thread {thread.ident}": f"thread {thread.name}" for thread in threading.enumerate()}
    return threads | (_descriptors() | _children() if sys.platform == "linux" else {})


@pytest.fixture(autouse=True)
def usual_limits() -> Iterator[None]:
    """Let no test meet the limits that a server in this process has set for an earlier one."""
    before = ledger.limits, ledger.exempt, ledger.lifted
    yield
    ledger.limits, ledger.exempt, ledger.lifted = before


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves sockets, files, threads or processes; what is just ending has time to do so."""
    before = _belongings()
    yield
    if request.node.get_closest_marker("keeps"):
        return
    deadline = time.monotonic() + PATIENCE / 3
    while (left := _belongings()).keys() - before.keys() and time.monotonic() < deadline:
        time.sleep(0.01)
    remains = sorted(what for key, what in left.items() if key not in before)
    assert not remains, "the test left behind:\n" + "\n".join(remains)


@pytest.fixture(autouse=True)
def home_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let nothing that a test starts write into the home folder of whoever runs it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("home")))


# ---- what tests start -----------------------------------------------------------------------------------------


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    """`start("chat_client.py", "-c", host, port)`: one of our programs; ended and looked over after the test."""
    started: list[Program] = []

    def run(script: str, *options: object, **popen: Any) -> Program:
        started.append(Program(script, *options, **popen))
        return started[-1]

    yield run
    _finish_all(started)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where servers come from that start in no time."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def start_server(nursery: Nursery) -> Iterator[Callable[..., Server]]:
    """`start_server("--selector", "poll")`: a server on a free port; stopped and looked over after the test."""
    started: list[Server] = []

    def run(*options: object, **popen: Any) -> Server:
        started.append(Server(*options, nursery=nursery, **popen))
        return started[-1]

    yield run
    _finish_all(started)


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    """A server with its shipped settings on a free port of 127.0.0.1."""
    return start_server()


@pytest.fixture
def connect(request: pytest.FixtureRequest, start_server: object) -> Iterator[Callable[..., LineClient]]:
    """`connect()`: a connection to the `server` fixture, or `connect(other_server)`; closed after the test."""
    yield from _visits(request, LineClient, named=False)


@pytest.fixture
def join_plain(request: pytest.FixtureRequest, start_server: object) -> Iterator[Callable[..., PlainClient]]:
    """`join_plain("bob")`: someone on the plain wire, logged in; `join_plain("bob", other_server)` elsewhere."""
    yield from _visits(request, PlainClient, named=True)


@pytest.fixture
def join_json(request: pytest.FixtureRequest, start_server: object) -> Iterator[Callable[..., JsonClient]]:
    """`join_json("bob")`: someone on the JSON wire, logged in; `join_json("bob", other_server)` elsewhere."""
    yield from _visits(request, JsonClient, named=True)


@pytest.fixture
def open_terminal() -> Iterator[Callable[..., Terminal]]:
    """`open_terminal(sys.executable, "chat_server.py", rows=20)`: a command in a real terminal; closed afterwards."""
    opened: list[Terminal] = []

    def run(*command: object, **how: Any) -> Terminal:
        opened.append(Terminal(*command, **how))
        return opened[-1]

    yield run
    _close_all(opened)


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A port on which the test plays the server."""
    made = Listener()
    yield made
    made.close()


@pytest.fixture
def visit() -> Iterator[Callable[..., Visitor]]:
    """`visit(port, "bob", patience=HASTE)`: a link that was started; closed after the test."""
    visitors: list[Visitor] = []

    def begin(*values: Any, **how: Any) -> Visitor:
        visitors.append(Visitor(*values, **how))
        return visitors[-1]

    yield begin
    for visitor in visitors:
        visitor.link.close()
    assert all(visitor.link.join(PATIENCE) for visitor in visitors)


def _visits(
    request: pytest.FixtureRequest, kind: type[Closable], *, named: bool
) -> Generator[Callable[..., Closable], None, None]:
    """Serve the fixtures above. They ask for `start_server` so that they are closed before the servers are."""
    opened: list[Closable] = []

    def visit(*values: Any, **how: Any) -> Closable:
        name, where = values[:named], values[named:] or (request.getfixturevalue("server"),)
        opened.append(kind(*where, *name, **how))
        return opened[-1]

    yield visit
    _close_all(opened)


def _close_all(opened: list[Closable]) -> None:
    for each in reversed(opened):
        each.close()


def _finish_all(programs: list[Any]) -> None:
    """Stop all servers, end all programs, then report the first thing that was wrong with one of them."""
    wrong: list[AssertionError] = []
    for program in reversed(programs):
        for step in (getattr(program, "stop", None), program.finish):
            try:
                step and step()
            except AssertionError as error:
                wrong.append(error)
    if wrong:
        raise wrong[0]


@pytest.fixture(scope="session")
def screen() -> Iterator[str]:
    """A screen that nobody sees; its value is that of DISPLAY. Tk ends the process when a screen it knew ends."""
    with virtual_screen() as display:
        yield display


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, driven by playwright; imported here, since `requirements.txt` alone does not bring it."""
    from playwright.sync_api import sync_playwright

    from tests.browser import launch

    with sync_playwright() as playwright:
        chromium = launch(playwright.chromium)
        yield chromium
        chromium.close()
