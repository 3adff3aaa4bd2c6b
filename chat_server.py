"""The server, to be started: `python chat_server.py --help` lists the options; `server.py` joins the parts.

Python compiles a script anew at each start, and keeps what it makes of all else: so this one is short.
"""

import gc
import sys

gc.set_threshold(100_000)  # `ready` looks for rings of dead objects when all is there: most of it stays

sys.setswitchinterval(0.0005)  # seconds for which the store's thread and the loop may keep each other from working

from server import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
