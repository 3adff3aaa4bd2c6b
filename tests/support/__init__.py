"""What tests are made of: programs run for real, clients that speak raw bytes, and a terminal to look at.

Everything that waits has a deadline and says at its end what had come instead. Nothing here sleeps for
luck, and nothing knows how the server is built: it is met through its socket, its console and its exit code.
"""

from __future__ import annotations

from tests.support.between import Between
from tests.support.clients import Address, Connection, JsonClient, LineClient, PlainClient
from tests.support.networks import Namespace, Proxy
from tests.support.nursery import Nursery
from tests.support.programs import Output, Program, Server
from tests.support.terminal import Terminal, framed
from tests.support.waiting import PATIENCE, ROOT, alive, find, free_port, needs, wait_until

__all__ = [
    "PATIENCE",
    "ROOT",
    "Address",
    "Between",
    "Connection",
    "JsonClient",
    "LineClient",
    "Namespace",
    "Nursery",
    "Output",
    "PlainClient",
    "Program",
    "Proxy",
    "Server",
    "Terminal",
    "alive",
    "find",
    "framed",
    "free_port",
    "needs",
    "wait_until",
]
