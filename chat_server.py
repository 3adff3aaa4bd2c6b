"""The server, to be started: `python chat_server.py --help` lists the options; `server.py` joins the parts.

Python compiles a script anew at each start, and keeps what it makes of all else: so this one is short.
"""

import gc
import sys

from bundle import bundle

gc.set_threshold(100_000)  # to look for rings of dead objects among those that stay takes a tenth of the start
bundle.use()

from server import main  # noqa: E402 - `ready` sets what holds when all of that is here

if __name__ == "__main__":
    sys.exit(main())
