"""Own the pages of the communicating floor: load with an access check, call, render."""
