"""What it costs, measured: `make bench`. README.md tells how to read it."""
