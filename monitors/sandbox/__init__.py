"""Own the sandbox: a small real mail platform to watch, break and drill on, reached over sockets only."""
