"""Own the command line of the peers: print or install the Debian packages that the tests can use."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from tests.peers import PEERS
from tests.peers.peer import MissingPeerError, install


def have(missing: list[str]) -> int:
    """Install all at once; where that fails, one by one, so that one unknown package does not cost the others."""
    try:
        install(missing)
    except MissingPeerError:
        refused = [package for package in missing if not has_installed(package)]
        print(
            "".join(f"MISSING PEER {package}: its tests are skipped\n" for package in refused), end="", file=sys.stderr
        )
        return int(bool(refused))
    return 0


def has_installed(package: str) -> bool:
    try:
        install([package])
    except MissingPeerError:
        return False
    return True


def main(arguments: list[str]) -> int:
    packages = [peer.package for peer in PEERS]
    if arguments == ["--packages"]:
        print("\n".join(packages))
        return 0
    if arguments == ["--install"]:
        return have([peer.package for peer in PEERS if peer.program_path() is None])
    print("usage: python tests/peers --packages | --install", file=sys.stderr)
    return 2


sys.exit(main(sys.argv[1:]))
