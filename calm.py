"""The first import of the server: until the room is open nobody looks for rings of dead objects among those that stay.

It would be done 36 times, and take a tenth of the start. `ready` sets what holds afterwards.
"""

from __future__ import annotations

import gc

gc.set_threshold(100_000)
