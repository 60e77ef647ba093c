"""Own the content of live frames: figures for programs, and the same fragments of HTML that the page was made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string

from monitors.selectors.queues import latest_queues
from statuspage.board.doors import doors
from statuspage.board.findings import open_findings
from statuspage.board.flow import flow
from statuspage.board.queues import QueueCard, cards, pictured, shown
from statuspage.board.silence import Silence, silence
from statuspage.board.tiers import tiers
from statuspage.board.timeline import timeline
from statuspage.live.feed import StaleError


def queues_content(now: datetime) -> Mapping[str, Any]:
    """Every queue's figures, the flow strip, and the cards that the board shows. Three queries."""
    heed(silence(now), now)
    found = cards(latest_queues(), None)
    front = shown(found)
    html = {f"queue-{card.slug}": fragment("_queue", card=card) for card in front}
    html["flow"] = fragment("_flow", flow=flow(found, doors(None)))
    return {"queues": [entry(card) for card in found], "cards": [card.slug for card in front], "html": html}


def sparks_content(now: datetime) -> Mapping[str, Any]:
    heed(silence(now), now)
    front = shown(cards(latest_queues(), None))
    return {"html": {f"spark-{card.slug}": card.picture for card in pictured(front, now)}}


def tiers_content(now: datetime) -> Mapping[str, Any]:
    """Tiers with their instances, open findings, and the timeline that tells what changed. Eight queries."""
    heed(silence(now), now)
    found = tiers(None, now)
    components = [{"slug": row.subject.slug, "state": row.subject.state, "summary": row.summary} for row in found.rows]
    html = {
        "tiers": fragment("_tiers", tiers=found),
        "findings": fragment("_findings", findings=open_findings()),
        "timeline": fragment("_timeline", timeline=timeline(now)),
    }
    return {"components": components, "html": html}


def heed(silent: Silence | None, now: datetime) -> None:
    if silent:
        raise StaleError(silent.since or now, silent.reason)


def entry(card: QueueCard) -> dict[str, Any]:
    """One queue for programs; null where unknown, as the contract says."""
    view = card.view
    figures = ("depth", "ingress_rate", "ack_rate", "oldest_s", "eta_s")
    told = {name: getattr(view, name) if card.is_known else None for name in figures}
    rounded = {name: round(value, 1) if isinstance(value, float) else value for name, value in told.items()}
    return {"slug": view.slug, **rounded, "state": view.word, "cause": view.cause}


def fragment(name: str, **context: Any) -> str:
    return render_to_string(f"statuspage/{name}.html", context)


def slugs(found: Sequence[QueueCard]) -> str:
    return " ".join(card.slug for card in found)
