"""Own the running platform: its instances from birth to burial, the faults laid on them, the mode."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from monitors.sandbox import child, faults
from monitors.sandbox.child import Nursery, Setup
from monitors.sandbox.damage import Damage
from monitors.sandbox.faults import Active, FaultError, SandboxError
from monitors.sandbox.ledger import Database, Ledger, LedgerError
from monitors.sandbox.mode import ModeState, Word
from monitors.sandbox.schema import conninfo

ANSWER_WITHIN_S = 3.0  # an idle machine needs milliseconds; a starved one is no reason to call instances dead
READY_WITHIN_S = 30.0
STOP_WITHIN_S = 2.0  # who supervises us waits for 2.5 s
LONGEST_BACK_OFF_S = 10.0
PRUNE_EVERY_S = 30.0
KEEP_FINISHED = "15 minutes"
KEEPS_DOWN = ("kill", "senders-stopped")
PRUNE = """
delete from message where id in (
    select id from message where finished_at < clock_timestamp() - %s::interval limit 5000)"""

log = logging.getLogger("sandbox")


@dataclass(slots=True)
class Child:
    """One instance as the supervisor sees it. Answers come back in the order of the messages."""

    name: str
    pid: int | None = None
    writer: asyncio.StreamWriter | None = None
    awaited: deque[asyncio.Future[bool]] = field(default_factory=deque)
    report: dict[str, Any] = field(default_factory=dict)
    births: int = 0
    life: asyncio.Task[None] | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_alive(self) -> bool:
        return self.pid is not None

    async def tell(self, message: bytes) -> bool:
        """Send the wanted state and take in the report; False when the instance does not answer."""
        if not self.ready.is_set():
            return False
        with suppress(TimeoutError):
            return await asyncio.wait_for(self.post(message), ANSWER_WITHIN_S)
        return False

    def post(self, message: bytes) -> asyncio.Future[bool]:
        assert self.writer is not None
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.awaited.append(answer)
        self.writer.write(message)
        return answer

    def hear(self, line: bytes) -> None:
        self.report = json.loads(line)
        if not (answer := self.awaited.popleft()).done():
            answer.set_result(True)

    def died(self) -> None:
        """Forget the process; who waits for its answers waits no longer."""
        self.ready.clear()
        self.pid = None
        while self.awaited:
            if not (answer := self.awaited.popleft()).done():
                answer.set_result(False)


class Platform:
    def __init__(self, setup: Setup, nursery: Nursery) -> None:
        self.setup = setup
        self.started_at = datetime.now(UTC)
        self.mode: ModeState = {"mode": "online", "epoch": 1}
        self.active: list[Active] = []
        self.children = {instance.name: Child(instance.name) for instance in setup.plan.instances}
        self.ledger = Ledger(setup.database_url, setup.schema, "supervisor")
        self._nursery = nursery
        self._damage = Damage(setup.database_url, setup.schema)
        self._database = Database(conninfo(setup.database_url, setup.schema, "supervisor", lock_ms=1000))
        self._pruning: asyncio.Task[None] | None = None
        self.nursery_is_gone = asyncio.Event()
        self._is_stopping = False

    async def start(self) -> None:
        await self._damage.heal()
        word, epoch = (await self._database.rows("select mode, epoch from mode"))[0]
        self.mode = {"mode": word, "epoch": epoch}
        for one in self.children.values():
            one.life = asyncio.create_task(self._live(one))
        await self._all_born()
        self._pruning = asyncio.create_task(self._prune_forever())

    async def _all_born(self) -> None:
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await asyncio.gather(*(self._born(one) for one in self.children.values()))
        except TimeoutError:
            missing = ", ".join(one.name for one in self.children.values() if not one.ready.is_set())
            raise SandboxError(f"did not come up within {READY_WITHIN_S:.0f} s: {missing}") from None

    async def _born(self, one: Child) -> None:
        assert one.life is not None
        born = asyncio.ensure_future(one.ready.wait())
        await asyncio.wait([born, one.life], return_when=asyncio.FIRST_COMPLETED)

    async def _live(self, one: Child) -> None:
        """Bear the instance again whenever it dies, unless a fault keeps it down or all is over."""
        back_off = 0.5
        while not self._is_stopping and not self._is_kept_down(one.name):
            born_at = asyncio.get_running_loop().time()
            await self._one_life(one)
            if self._is_stopping or self._is_kept_down(one.name):
                break
            lived = asyncio.get_running_loop().time() - born_at
            if self.nursery_is_gone.is_set():
                break
            back_off = 0.5 if lived > LONGEST_BACK_OFF_S else min(back_off * 2, LONGEST_BACK_OFF_S)
            log.warning("%s died after %.1f s; again in %.1f s", one.name, lived, back_off)
            await asyncio.sleep(back_off)

    async def _one_life(self, one: Child) -> None:
        try:
            channel = self._nursery.bear(one.name)
        except OSError:
            self.nursery_is_gone.set()
            return
        reader, one.writer = await asyncio.open_connection(sock=channel)
        one.births += 1
        with suppress(ConnectionError, ValueError):
            one.pid = json.loads(await reader.readline())["pid"]
            one.post(self._message(one))
            one.ready.set()
            if self.is_hung(one.name):  # killed and born again while the fault lasts: it lasts for the newborn too
                os.kill(one.pid, signal.SIGSTOP)
            while line := await reader.readline():
                one.hear(line)
        one.died()
        one.writer.close()

    def _is_kept_down(self, name: str) -> bool:
        return any(one.name in KEEPS_DOWN and one.instance == name for one in self.active)

    def is_hung(self, name: str) -> bool:
        return any(one.name == "hang" and one.instance == name for one in self.active)

    async def _tell(self, one: Child, duplicates: int | None = None) -> bool:
        return await one.tell(self._message(one, duplicates))

    def _message(self, one: Child, duplicates: int | None = None) -> bytes:
        return child.message(faults.knobs_of(one.name, self.active), dict(self.mode), duplicates)

    async def tell_all(self) -> None:
        """Bring every instance up to date, and its report with it."""
        await asyncio.gather(*(self._tell(one) for one in self.children.values() if not self.is_hung(one.name)))

    async def set_mode(self, word: Word) -> None:
        """Switch, with a new epoch. The database remembers it over a restart."""
        if word != self.mode["mode"]:
            query = "update mode set mode = %s, epoch = epoch + 1 returning epoch"
            rows = await self._database.rows(query, [word])
            self.mode = {"mode": word, "epoch": rows[0][0]}
        await self.tell_all()

    async def break_(self, name: str, instance: str | None, args: dict[str, Any]) -> list[Active]:
        found = faults.plan_break(name, instance, args, datetime.now(UTC).isoformat(timespec="seconds"))
        for one in found:
            self.active = [known for known in self.active if not faults.same(known, one)] + [one]
            try:
                await self._strike(one)
            except SandboxError:
                self.active.remove(one)
                raise
        return found

    async def _strike(self, one: Active) -> None:
        match faults.find(one.name).kind:
            case "knob":
                await self._tell(self.children[one.instance])
            case "order":
                await self._tell(self.children[one.instance], duplicates=one.args["count"])
            case "database":
                await self._damage.do(one.name, one.args.get("count", 0))
            case "signal":
                await self._send_signal(one)

    async def _send_signal(self, one: Active) -> None:
        struck = self.children[one.instance]
        if struck.pid is None:
            return
        if one.name == "hang":
            os.kill(struck.pid, signal.SIGSTOP)
            return
        await self._bury(struck, signal.SIGKILL if one.name == "kill" else signal.SIGTERM)

    async def _bury(self, one: Child, number: signal.Signals) -> None:
        """End an instance and wait for its end, at last by force."""
        for last_word in (number, signal.SIGKILL):
            if one.pid is None or one.life is None:
                return
            with suppress(ProcessLookupError):
                os.kill(one.pid, last_word)
                os.kill(one.pid, signal.SIGCONT)  # a frozen process hears no SIGTERM
            await asyncio.wait([one.life], timeout=STOP_WITHIN_S)

    async def mend(self, name: str, instance: str | None) -> list[Active]:
        """Undo a fault, or all of them by the name "all"."""
        if name != "all":
            faults.find(name)
        ended = [one for one in self.active if name in (one.name, "all") and instance in (one.instance, None)]
        if not ended and name != "all":
            now = ", ".join(sorted({one.name for one in self.active})) or "none"
            raise FaultError(f"{name} is not broken here; active faults: {now}")
        self.active = [one for one in self.active if one not in ended]
        for one in ended:
            await self._heal(one)
        return ended

    async def _heal(self, one: Active) -> None:
        kind = faults.find(one.name).kind
        if kind == "database":
            await self._damage.undo(one.name)
            return
        struck = self.children[one.instance]
        if one.name == "hang" and struck.pid is not None:
            os.kill(struck.pid, signal.SIGCONT)
        if one.name in KEEPS_DOWN:
            await self._revive(struck)
        await self._tell(struck, duplicates=0 if kind == "order" else None)

    async def _revive(self, one: Child) -> None:
        if one.life is None or one.life.done():
            one.life = asyncio.create_task(self._live(one))
            with suppress(TimeoutError):
                async with asyncio.timeout(READY_WITHIN_S):
                    await self._born(one)

    async def _prune_forever(self) -> None:
        """Finished messages go, their totals stay: a week of load is as large as a quarter of an hour."""
        while True:
            with suppress(LedgerError):
                await self._database.rows(PRUNE, [KEEP_FINISHED])
            await asyncio.sleep(PRUNE_EVERY_S)

    async def stop(self) -> None:
        self._is_stopping = True
        if self._pruning is not None:
            self._pruning.cancel()
        await self._damage.close()
        await asyncio.gather(*(self._bury(one, signal.SIGTERM) for one in self.children.values()))
        for one in self.children.values():
            if one.life is not None:
                one.life.cancel()
        await self.ledger.close()
        await self._database.close()
