"""Own the reading of watched domains: each record as it stands, how old that is, and what changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db.models import OuterRef, Subquery
from django.db.models.functions import JSONObject

from monitors.mail_dns.judgement import RECORDS, SEVERITY
from monitors.models import DomainRecord, Monitor, RecordChange
from monitors.results import Result, Verdict

STATE_BY_RESULT = {Result.OK: "up", Result.WARN: "degraded", Result.FAIL: "down", Result.UNKNOWN: "unknown"}
WORD_BY_RESULT = {Result.OK: "Good", Result.WARN: "Weak", Result.FAIL: "Failing", Result.UNKNOWN: "Unknown"}
TITLES = {
    "spf": ("SPF", "who may send as the domain"),
    "dkim": ("DKIM", "the keys that signatures are checked with"),
    "dmarc": ("DMARC", "what receivers do with mail that fails"),
    "mx": ("MX", "where mail for the domain goes"),
    "ptr": ("Reverse names", "what the sending addresses are called"),
    "mta-sts": ("MTA-STS", "whether senders must use TLS"),
    "tls-rpt": ("TLS-RPT", "who hears of TLS failures"),
    "dane": ("DANE", "the certificate pinned in DNS"),
    "ns": ("Name servers", "who answers for the domain"),
    "dnsbl": ("Block lists", "whether the sending addresses are listed"),
    "caa": ("CAA", "who may issue certificates"),
    "bimi": ("BIMI", "the logo beside the mail"),
}
SEVERAL_PER_DOMAIN = {"dkim", "ptr", "dnsbl"}
LATE_AFTER_INTERVALS = 3
"""A record not looked at for so many intervals says nothing any more."""
CHANGES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class RecordView:
    """One record as people see it. `result` is unknown when the last look is too old; `row` has the rest."""

    row: DomainRecord
    result: Result
    is_late: bool

    @property
    def title(self) -> str:
        return TITLES[self.row.record][0]

    @property
    def label(self) -> str:
        """The title, with what tells it from others of its kind."""
        if self.row.record in SEVERAL_PER_DOMAIN:
            return f"{self.title} {self.row.detail.get('selector') or self.row.name}"
        return self.title

    @property
    def purpose(self) -> str:
        return TITLES[self.row.record][1]

    @property
    def anchor(self) -> str:
        return f"{self.row.record}-{self.row.pk}"

    @property
    def state(self) -> str:
        """Of the seven states of the screen; empty for what is well by being absent: that needs no green."""
        return "" if self.is_absent else STATE_BY_RESULT[self.result]

    @property
    def word(self) -> str:
        return "Not published" if self.is_absent else WORD_BY_RESULT[self.result]

    @property
    def is_absent(self) -> bool:
        return self.result is Result.OK and not self.row.is_published

    @property
    def notes(self) -> list[dict[str, str]]:
        """The notes, the worst first, each with the state that its shape shows."""
        ordered = sorted(self.row.notes, key=lambda note: -SEVERITY[Result(note["result"])])
        return [{**note, "state": STATE_BY_RESULT[Result(note["result"])]} for note in ordered]

    @property
    def values(self) -> list[str]:
        return self.row.values or []

    @property
    def words(self) -> list[str]:
        """The record for people; where the effective policies have a table, without the lines that say the same."""
        return list(self.row.words[len(self.effective) :])

    @property
    def tree(self) -> dict[str, Any] | None:
        """The SPF tree where it has branches; one record is shown already."""
        tree: dict[str, Any] | None = self.row.detail.get("tree")
        return tree if tree and tree["children"] else None

    @property
    def effective(self) -> list[tuple[str, dict[str, Any]]]:
        return list(self.row.detail.get("effective", {}).items())

    @property
    def egress(self) -> list[tuple[str, dict[str, str]]]:
        return list(self.row.detail.get("egress", {}).items())


@dataclass(frozen=True, slots=True)
class DomainRow:
    """One domain in the list. `kinds` holds the worst record of each kind, in the order of RECORDS."""

    slug: str
    name: str
    state: str
    sentence: str
    since: datetime | None
    is_paused: bool
    judged_at: datetime | None
    kinds: tuple[RecordView, ...]
    last_change: dict[str, Any] | None

    @property
    def last_change_at(self) -> datetime | None:
        return datetime.fromisoformat(self.last_change["at"]) if self.last_change else None


STATE_BY_VERDICT = {Verdict.UP: "up", Verdict.DEGRADED: "degraded", Verdict.DOWN: "down", Verdict.UNKNOWN: "unknown"}


def domain_rows(now: datetime) -> list[DomainRow]:
    """Every watched domain, the worst first. Two queries."""
    newest = RecordChange.objects.filter(monitor=OuterRef("pk")).order_by("-confirmed_at", "-id")
    monitors = (
        Monitor.objects.filter(kind="domain", removed_at=None)
        .select_related("state")
        .annotate(newest=Subquery(newest.values(told=JSONObject(title="title", at="confirmed_at"))[:1]))
    )
    records = DomainRecord.objects.filter(monitor__kind="domain", monitor__removed_at=None).order_by("monitor_id", "id")
    by_monitor = {key: list(rows) for key, rows in groupby(records, key=lambda row: row.monitor_id)}
    rows = [_domain_row(monitor, by_monitor.get(monitor.pk, []), now) for monitor in monitors]
    severity = {"down": 0, "unknown": 1, "degraded": 2, "up": 3}
    return sorted(rows, key=lambda row: (severity[row.state], row.name))


def _domain_row(monitor: Monitor, records: list[DomainRecord], now: datetime) -> DomainRow:
    state = getattr(monitor, "state", None)
    views = current(records, monitor, now)
    by_kind = {kind: [view for view in views if view.row.record == kind] for kind in RECORDS}
    return DomainRow(
        slug=monitor.slug,
        name=monitor.name,
        state=state_of(monitor, views),
        sentence=state.sentence if state else "",
        since=state.since if state else None,
        is_paused=monitor.is_paused,
        judged_at=max((view.row.judged_at for view in views), default=None),
        kinds=tuple(max(found, key=lambda view: SEVERITY[view.result]) for found in by_kind.values() if found),
        last_change=monitor.newest,  # type: ignore[attr-defined] # annotated
    )


def state_of(monitor: Monitor, views: list[RecordView]) -> str:
    """The domain's state on the screen: that of its monitor, unless nobody has looked for too long."""
    state = getattr(monitor, "state", None)
    if state is None or any(view.is_late for view in views):
        return "unknown"
    return STATE_BY_VERDICT[Verdict(state.verdict)]


def current(records: Iterable[DomainRecord], monitor: Monitor, now: datetime) -> list[RecordView]:
    """The records of the last look, in the order of RECORDS; those that no longer apply are left out."""
    rows = list(records)
    last = max((row.judged_at for row in rows), default=None)
    is_late = last is not None and now - last > monitor.interval * LATE_AFTER_INTERVALS + monitor.timeout
    views = [
        RecordView(row, Result.UNKNOWN if is_late else Result(row.result), is_late)
        for row in rows
        if row.judged_at == last
    ]
    return sorted(views, key=lambda view: (RECORDS.index(view.row.record), view.row.pk))


def record_views(monitor: Monitor, now: datetime) -> list[RecordView]:
    """One query."""
    return current(monitor.domain_records.all(), monitor, now)


def record_changes(monitor: Monitor) -> list[RecordChange]:
    """Confirmed changes, newest first. One query."""
    return list(monitor.record_changes.all()[:CHANGES_SHOWN])


def is_judged_since(views: list[RecordView], asked_at: datetime | None) -> bool:
    """Whether a look that somebody asked for has been kept."""
    return asked_at is None or any(view.row.judged_at >= asked_at for view in views)


def waited_too_long(asked_at: datetime, monitor: Monitor, now: datetime) -> bool:
    return now - asked_at > monitor.timeout + timedelta(seconds=10)
