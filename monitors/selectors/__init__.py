"""Own the reading of the measuring floor: one module a noun, frozen views, a fixed number of queries each."""
