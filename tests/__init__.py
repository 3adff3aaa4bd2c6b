"""The tests. Each runs the real thing, waits for what it expects with a deadline, and leaves nothing behind."""
