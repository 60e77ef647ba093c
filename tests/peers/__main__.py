"""Own the command line of the peers: print or install the Debian packages that the tests can use."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from tests.peers import PEERS
from tests.peers.peer import MissingPeerError, install


def main(arguments: list[str]) -> int:
    packages = [peer.package for peer in PEERS]
    if arguments == ["--packages"]:
        print("\n".join(packages))
        return 0
    if arguments == ["--install"]:
        missing = [peer.package for peer in PEERS if peer.program_path() is None]
        try:
            install(missing)
        except MissingPeerError as error:
            print(error, file=sys.stderr)
            return 1
        return 0
    print("usage: python tests/peers --packages | --install", file=sys.stderr)
    return 2


sys.exit(main(sys.argv[1:]))
