"""The server, to be started: `python chat_server.py --help` lists the options.

Python compiles a script anew at each start, and keeps what it makes of all else: so this one is short, and `server.py`
joins the parts.
"""

import sys

from server import main

if __name__ == "__main__":
    sys.exit(main())
