"""Own the reading of the communicating floor: frozen views, a fixed number of queries each."""
