"""Own the writing of the communicating floor: one module a noun, one transaction a call."""
