"""People, rooms and rules. Knows no socket, no bytes and no SQL."""
