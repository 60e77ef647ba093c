"""`standpipe.yaml` is read whole or refused whole, with every problem at its place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from monitors import config
from monitors.config.problems import ConfigInvalidError
from monitors.config.reading import read

STARTER = Path(config.__file__).with_name("starter.yaml").read_text()
COMPONENT = "components:\n  - {slug: api, name: API}\n"


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigInvalidError) as refusal:
        read(text, "f.yaml")
    return [str(problem) for problem in refusal.value.problems]


def test_the_starter_is_valid_and_keeps_only_what_it_says() -> None:
    wanted = read(STARTER, "starter.yaml")

    assert wanted.platform.name == "Acme Mail"
    assert [component.slug for component in wanted.components] == ["database", "api", "smtp", "sending", "dns"]
    by_slug = {monitor.slug: monitor for monitor in wanted.monitors}
    assert by_slug["api-a"].options["expect"] == {"status": [200], "json": {"status": "ok"}, "under": "800ms"}
    assert by_slug["api-a"].common.every == timedelta(seconds=10)
    assert by_slug["acme.example"].kind == "domain"
    assert by_slug["outbound"].options["source"] == "rabbitmq"
    assert by_slug["db-main"].options["dsn"] == {"env": "ACME_DSN"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("nonsense: 1\n", "f.yaml:1: nonsense: unknown section", id="unknown section"),
        pytest.param("- a\n", "f.yaml:1: .: the file is a mapping of sections", id="a list as the file"),
        pytest.param("components: []\nmonitors: 3\n", "f.yaml:2: monitors: this section is a list", id="no list"),
        pytest.param("components: [1]\n", "f.yaml:1: components[0]: each entry is a mapping", id="no mapping"),
        pytest.param("a: [", "f.yaml:1: .: not YAML", id="broken YAML"),
        pytest.param(
            "components: [{slug: A b, name: A}]\n", "slug: 'A b' is not made of lower-case letters", id="no slug"
        ),
        pytest.param("components: [{slug: a, name: A, tier: x}]\n", "tier: 'x' is not one of 'api'", id="no tier"),
        pytest.param("a: 1\na: 2\n", "f.yaml:2: a: given twice", id="key twice"),
        pytest.param("a: &x [1]\nb: *x\n", "f.yaml:2: .: aliases are not read here: *x", id="alias"),
        pytest.param("a: !!python/object:os.system {}\n", "unknown section", id="a tag builds nothing"),
        pytest.param("a: 2026-99-99\n", "f.yaml:1: a: cannot be read", id="a date that is none"),
        pytest.param(
            COMPONENT + "  - {slug: api, name: Again}\n",
            "f.yaml:3: components[1].slug: 'api' is given twice, first at line 2",
            id="slug twice",
        ),
        pytest.param(
            "components:\n  - {slug: a, name: A, depends_on: [b]}\n",
            "f.yaml:2: components[0].depends_on[0]: there is no component 'b'",
            id="dependency missing",
        ),
        pytest.param(
            "components:\n- {slug: a, name: A, depends_on: [b]}\n- {slug: b, name: B, depends_on: [a]}\n",
            "components depend on each other in a circle",
            id="circle",
        ),
        pytest.param(
            "components:\n  - {slug: a, name: A, tier: apo}\n", "f.yaml:2: components[0].tier: ", id="unknown tier"
        ),
        pytest.param(
            "platform: {name: A, time_zone: Mars/Base}\n",
            "f.yaml:1: platform.time_zone: 'Mars/Base' is not a time zone",
            id="time zone",
        ),
        pytest.param(
            "monitors:\n  - {slug: a, kind: telepathy}\n",
            "f.yaml:2: monitors[0].kind: 'telepathy' is not a kind; there are ",
            id="unknown kind",
        ),
        pytest.param(
            "monitors:\n  - {slug: a, kind: domain}\n", "'domain' belongs under domains:", id="kind of another section"
        ),
        pytest.param(
            "monitors:\n  - {slug: a, kind: tcp, address: 'h:1', component: no}\n",
            "f.yaml:2: monitors[0].component: ",
            id="component that YAML reads as a boolean",
        ),
        pytest.param(
            "monitors:\n  - {slug: a, kind: tcp, address: 'h:1', component: api}\n",
            "f.yaml:2: monitors[0].component: there is no component 'api'",
            id="component missing",
        ),
        pytest.param(
            "monitors:\n  - slug: a\n    kind: tcp\n    address: 'h:1'\n    evry: 10s\n",
            "f.yaml:5: monitors[0].evry: unknown key",
            id="misspelt key",
        ),
        pytest.param(
            "monitors:\n  - {slug: a, kind: tcp, address: 'h:1', every: 10}\n",
            "monitors[0].every: 10 is not a duration; write it as 500ms, 10s, 5m, 2h or 3d",
            id="duration without unit",
        ),
        pytest.param(
            "monitors:\n  - {slug: a, kind: tcp, address: 'h:1', every: 1ms}\n",
            "an interval is between 500ms and 7d",
            id="interval too short",
        ),
        pytest.param(
            "monitors:\n  - {slug: a, kind: tcp, address: 'h:1', confirm: {down: 3 of 2}}\n",
            "monitors[0].confirm.down: more observations asked for than looked at",
            id="confirmation impossible",
        ),
        pytest.param(
            "monitors:\n  - {slug: a, kind: postgres, dsn: 'postgres://secret'}\n",
            "monitors[0].dsn: a secret is written as {env: NAME} or {file: PATH}",
            id="plain secret",
        ),
        pytest.param('platform: {name: "a\\0b"}\n', "platform.name: cannot be read: text with a NUL", id="NUL"),
        pytest.param(
            "monitors:\n  - {slug: a, kind: http, url: 'http://a/', expect: {json: {a: .inf}}}\n",
            "monitors[0].expect.json.a: cannot be read: a number that is not finite",
            id="infinity",
        ),
        pytest.param(
            "monitors:\n  - {slug: a, kind: tcp, address: 'h:1', every: !!timestamp x}\n",
            "monitors[0].every: cannot be read",
            id="a tag that does not fit",
        ),
        pytest.param(
            "monitors:\n  - {slug: a, kind: tcp, address: 'h:1', every: 99999999999999d}\n",
            "is longer than ten years",
            id="duration beyond any calendar",
        ),
        pytest.param("monitors:\n  - {kind: tcp}\n", "monitors[0].slug: is needed", id="slug missing"),
        pytest.param("queues:\n  - {slug: q, kind: pigeon}\n", "f.yaml:2: queues[0].kind: ", id="unknown queue source"),
        pytest.param("domains:\n  - {name: 'UPPER CASE'}\n", "f.yaml:2: domains[0].name: ", id="no domain name"),
    ],
)
def test_a_problem_is_told_with_line_path_and_reason(text: str, expected: str) -> None:
    assert any(expected in problem for problem in problems_of(text)), problems_of(text)


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    found = problems_of("platform: {name: ''}\ncomponents:\n  - {slug: A}\n  - {name: B}\n")

    lines = [int(line.split(":")[1]) for line in found]
    assert lines == sorted(lines)
    assert set(lines) == {1, 3, 4}


def test_a_secret_never_shows_in_a_refusal() -> None:
    assert "hunter2" not in "".join(problems_of("monitors: [{slug: a, kind: postgres, dsn: 'x:hunter2'}]"))


def test_a_file_of_five_megabytes_is_refused_unread() -> None:
    assert "larger than 4 MB" in problems_of("#" * 5_000_000)[0]


def test_deep_nesting_is_refused_in_words() -> None:
    assert "not YAML" in problems_of("[" * 5_000)[0]
