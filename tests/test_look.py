"""The look keeps its promises: contrast in both schemes, no inline style or script, honest states."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.test import Client

from monitors.models import Component, ProcessBeat
from monitors.results import Verdict
from monitors.selectors.components import PublicComponent
from monitors.wording import in_words
from statuspage.headline import headline

ROOT = Path(__file__).resolve().parent.parent
TOKENS = (ROOT / "statuspage/static/standpipe/tokens.css").read_text()
COLOURS = {
    name: (light, dark) for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", TOKENS)
}
STATES = ("up", "delayed", "degraded", "partial", "down", "maintenance", "unknown")
TEXTS = ("ink", "ink-2", "ink-3", "accent", *STATES)
AA_TEXT = 4.5
AA_CONTROL = 3.0


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, definition of contrast ratio)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def tinted(colour: str, ground: str, share: float = 0.10) -> str:
    parts = ((int(colour[at : at + 2], 16), int(ground[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(c * share + g * (1 - share)):02x}" for c, g in parts)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), list(product(TEXTS, ("ground", "surface", "raised"))))
def test_every_text_colour_is_readable_on_every_ground(text: str, ground: str, scheme: int) -> None:
    assert contrast(COLOURS[text][scheme], COLOURS[ground][scheme]) >= AA_TEXT


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_every_state_is_readable_on_its_own_tint(state: str, scheme: int) -> None:
    colour = COLOURS[state][scheme]
    assert contrast(colour, tinted(colour, COLOURS["surface"][scheme])) >= AA_TEXT


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_controls_have_a_border_that_can_be_seen(scheme: int) -> None:
    assert contrast(COLOURS["line-control"][scheme], COLOURS["surface"][scheme]) >= AA_CONTROL


@pytest.mark.parametrize("state", STATES)
def test_a_badge_has_a_word_and_a_shape_besides_its_colour(state: str) -> None:
    badge = render_to_string("_state.html", {"state": state})
    assert f'<use href="#s-{state}"/>' in badge
    assert re.search(r"</svg>\w", badge)
    assert f'id="s-{state}"' in (ROOT / "templates/_sprite.html").read_text()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_template_has_inline_style_or_script(path: Path) -> None:
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=\"|<script(?![^>]*\ssrc=)", path.read_text())


@pytest.mark.parametrize("name", ["403.html", "404.html", "422.html", "429.html", "500.html"])
def test_an_error_page_needs_neither_database_nor_context(name: str) -> None:
    assert "<h1>" in render_to_string(name)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (59.4, "59 s"),
        (245, "4 min 5 s"),
        (2_520, "42 min"),
        (14_520, "4 h 2 min"),
        (86_400, "1 d"),
        (277_200, "3 d 5 h"),
        (1_814_400, "21 d"),
    ],
)
def test_durations_are_put_into_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def published(name: str, verdict: str) -> PublicComponent:
    return PublicComponent(name.lower(), name, "", "", Verdict(verdict), datetime(2026, 1, 1, tzinfo=UTC), None)


@pytest.mark.parametrize(
    ("verdicts", "worst", "sentence"),
    [
        pytest.param([], "unknown", "Nothing is published here yet.", id="nothing published is not good news"),
        pytest.param(["up", "up"], "up", "Everything that we measure works.", id="all up"),
        pytest.param(["unknown"], "unknown", "We cannot tell the state right now.", id="all unknown"),
        pytest.param(["up", "unknown"], "unknown", "B is not measured right now.", id="unknown is never green"),
        pytest.param(["up", "down"], "down", "B is out of service.", id="down is said plainly"),
        pytest.param(
            ["down", "unknown"], "down", "A is out of service. B is not measured right now.", id="worst comes first"
        ),
        pytest.param(["degraded", "degraded"], "degraded", "A and B are degraded.", id="several share a phrase"),
    ],
)
def test_the_headline_says_the_worst_first(verdicts: list[str], worst: str, sentence: str) -> None:
    said = headline([published(name, verdict) for name, verdict in zip("AB", verdicts, strict=False)])
    assert (said.verdict, said.sentence) == (worst, sentence)


@pytest.fixture
def api(db: None) -> Component:
    return Component.objects.create(slug="api", name="Send API", is_public=True, verdict="up", group="Accepting")


def beat(age: timedelta) -> None:
    ProcessBeat.objects.create(id="00000000-0000-4000-8000-000000000001", role="prober", host="here", pid=1)
    ProcessBeat.objects.update(beat_at=datetime.now(UTC) - age)


def test_the_public_page_shows_public_components_to_anyone(client: Client, api: Component) -> None:
    beat(timedelta(seconds=1))
    Component.objects.create(slug="secret", name="Internal ledger", verdict="down")
    page = client.get("/").content.decode()
    assert "Send API" in page
    assert "Operational" in page
    assert "Internal ledger" not in page
    assert "As of <time" in page


def test_the_public_page_is_unknown_while_no_prober_lives(client: Client, api: Component) -> None:
    beat(timedelta(minutes=5))
    page = client.get("/").content.decode()
    assert "We cannot tell the state right now." in page
    assert "last known" in page


def test_the_public_page_touches_neither_session_nor_user(
    client: Client, api: Component, django_assert_num_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    client.cookies["sessionid"] = "nosuchsession" * 2
    with django_assert_num_queries(3):
        response = client.get("/")
    assert "Cookie" not in response.headers.get("Vary", "")
    assert not response.cookies


@pytest.mark.parametrize(("chosen", "kept"), [("dark", "dark"), ("light", "light"), ("", ""), ("neon", "")])
def test_the_theme_is_kept_in_a_cookie(client: Client, db: None, chosen: str, kept: str) -> None:
    response = client.post("/console/theme/", {"theme": chosen, "next": "/"})
    assert response.headers["Location"] == "/"
    assert response.cookies["theme"].value == kept


def test_the_theme_switch_sends_nobody_elsewhere(client: Client, db: None) -> None:
    response = client.post("/console/theme/", {"theme": "dark", "next": "https://evil.example/"})
    assert response.headers["Location"] == "/console/"
