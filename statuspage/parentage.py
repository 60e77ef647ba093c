"""Own the bond of a child process to its parent: it ends when its parent does, by kill -9 too. Linux only."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def end_with_us(number: signal.Signals) -> Callable[[], None] | None:
    """A `preexec_fn` for Popen: have the kernel send the child `number` when this process ends.

    Runs after a change of account, which would clear it. The library is loaded here, before the fork. The kernel
    watches the thread that forks, so only a thread that lives as long as the process may start such children.
    """
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def bind() -> None:
        libc.prctl(PR_SET_PDEATHSIG, number)
        # 1. we fork  2. we are killed  3. the child asks for the signal: nobody is left to send it.
        if os.getppid() != parent:
            os._exit(1)

    return bind
