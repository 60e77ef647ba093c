"""Own the doubt in ourselves: when nothing answers, ask whether it is our own network that is gone.

Anchors are addresses outside that have answered before. If a target does not answer and none of the anchors does
either, the target was not measured: its result becomes `unknown`. Without anchors the guard has no opinion, since
a failure must never be hidden without evidence.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from monitors.probes import Observed
from monitors.results import ProbeResult, Result

UNREACHED = {"timeout", "host_unreachable", "connection_failed", "name_not_found", "no_route"}
"""Reasons that our own network could be to blame for. A refusal is an answer, and proves the way."""
ANSWER_WITHIN_S = 1.0
TRUSTED_FOR_S = 1.0
"""Failures come in bunches: one look at the anchors serves them all."""
LEARN_EVERY_S = 30.0
DNS_PORT = 53

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Anchor:
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Anchor:
        host, _, port = text.rpartition(":")
        return cls(host.strip("[]"), int(port))


def system_anchors(resolv_conf: Path = Path("/etc/resolv.conf")) -> list[Anchor]:
    """The machine's resolvers, unless they are on the machine itself."""
    with suppress(OSError):
        words = [line.split() for line in resolv_conf.read_text().splitlines()]
        named = [pair[1] for pair in words if len(pair) > 1 and pair[0] == "nameserver"]
        return [Anchor(host, DNS_PORT) for host in named if not is_local(host)]
    return []


def is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


async def answers(anchor: Anchor) -> bool:
    """Whether the way to the anchor is there. A refused connection was refused by somebody."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            _, writer = await asyncio.open_connection(anchor.host, anchor.port)
            writer.close()
    except ConnectionRefusedError:
        return True
    except (OSError, TimeoutError):
        return False
    return True


class Guard:
    """Says of observations whether they are to be believed. `gone_since` is set while our own network is gone."""

    def __init__(self, anchors: Iterable[Anchor], *, is_local_check: Callable[[Observed], bool] | None = None) -> None:
        self.anchors = list(anchors)
        self.proven: list[Anchor] = []
        self.gone_since: datetime | None = None
        self._is_local_check = is_local_check or (lambda observed: False)
        self._looked_at_s = -TRUSTED_FOR_S

    async def learn(self) -> None:
        """Find out, for ever, which anchors answer while all is well."""
        while self.anchors:
            self.proven = [anchor for anchor in self.anchors if anchor in self.proven or await answers(anchor)]
            await asyncio.sleep(LEARN_EVERY_S)

    async def doubt(self, batch: Sequence[Observed]) -> list[Observed]:
        """The batch as it can be believed. Looks at the anchors only if something did not answer, or lately had not."""
        suspects = [observed for observed in batch if self.is_suspect(observed)]
        if self.proven and (suspects or self.gone_since is not None):
            await self.look()
        if self.gone_since is None or not suspects:
            return list(batch)
        return [disbelieved(observed) if self.is_suspect(observed) else observed for observed in batch]

    def is_suspect(self, observed: Observed) -> bool:
        result = observed.result
        return result.result is Result.FAIL and result.reason in UNREACHED and not self._is_local_check(observed)

    async def look(self) -> None:
        if time.monotonic() - self._looked_at_s < TRUSTED_FOR_S:
            return
        reached = await asyncio.gather(*(answers(anchor) for anchor in self.proven))
        self._looked_at_s = time.monotonic()
        if any(reached):
            self.gone_since = None
        elif self.gone_since is None:
            self.gone_since = datetime.now(UTC)
            log.error("own network gone", extra={"anchors": [f"{anchor.host}:{anchor.port}" for anchor in self.proven]})


def disbelieved(observed: Observed) -> Observed:
    result = observed.result
    doubtful = ProbeResult(
        Result.UNKNOWN,
        "own_network",
        f"Not measured: the prober's own network is gone. {result.sentence}",
        said=result.said,
        details=result.details,
    )
    return replace(observed, result=doubtful)
