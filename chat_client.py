"""The chat client: sees to it that this Python can run it; clients/start.py reads the options and knows the rest.

It is written so that every Python since 2.6 can read it, and say what is wrong.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # an older one gets no further, and its own words would help nobody
    sys.stderr.write("chat_client.py needs Python 3.11 or newer; this is Python " + sys.version.split()[0] + ".\n")
    sys.exit(2)

from clients.start import main

if __name__ == "__main__":
    sys.exit(main())
