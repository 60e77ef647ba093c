"""Own the forms of the console's monitor pages: the list's filters, muting, editing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from monitors.config.entries import interval_in_range, timeout_in_range
from monitors.models import Component, Monitor
from monitors.options import format_duration, parse_duration
from monitors.selectors.monitors import SORTS, MonitorFilter
from monitors.services.monitors import MonitorEdit

STATES = [
    ("", "State"),
    ("down", "Down"),
    ("degraded", "Degraded"),
    ("unknown", "Unknown"),
    ("up", "Up"),
    ("paused", "Paused"),
]
MUTE_FOR = [("1h", "1 hour"), ("4h", "4 hours"), ("12h", "12 hours"), ("1d", "1 day"), ("7d", "7 days")]


class DurationInput(forms.CharField):
    """`500ms 10s 5m 2h 3d`, as in the configuration file."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            duration = parse_duration(text)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        if duration == timedelta(0):
            raise ValidationError("must be longer than nothing")
        return duration

    def prepare_value(self, value: Any) -> Any:
        return format_duration(value) if isinstance(value, timedelta) else value


class OptionsInput(forms.JSONField):
    """JSON as people read it: a line a key. Only what the database can hold; what cannot be read is shown again as it
    was written."""

    def to_python(self, value: Any) -> Any:
        try:
            found = super().to_python(value)
            written = json.dumps(found, allow_nan=False, ensure_ascii=False)
            written.encode()
        except (ValueError, RecursionError) as error:
            raise ValidationError("must be plain JSON: no infinity, valid characters, not nested too deeply") from error
        if "\\u0000" in written:
            raise ValidationError("must not contain NUL characters")
        return found

    def bound_data(self, data: Any, initial: Any) -> Any:
        return data

    def prepare_value(self, value: Any) -> Any:
        return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict) else value


class MonitorFilterForm(forms.Form):
    q = forms.CharField(required=False, max_length=253, strip=True)
    state = forms.ChoiceField(required=False, choices=STATES)
    kind = forms.CharField(required=False, max_length=20)
    component = forms.CharField(required=False, max_length=63)
    sort = forms.ChoiceField(required=False, choices=[(f"{sign}{name}", name) for name in SORTS for sign in ("", "-")])

    def wanted(self) -> MonitorFilter:
        """What was asked for; a filter that makes no sense (an old link) counts as not given."""
        self.is_valid()
        given = self.cleaned_data
        sort = given.get("sort") or "state"
        return MonitorFilter(
            text=given.get("q") or "",
            verdict=given.get("state") or "",
            kind=given.get("kind") or "",
            component=given.get("component") or "",
            sort=sort.removeprefix("-"),
            is_descending=sort.startswith("-"),
        )


class MuteForm(forms.Form):
    mute_for = forms.TypedChoiceField(label="For", choices=MUTE_FOR, coerce=parse_duration)
    reason = forms.CharField(max_length=200, help_text="Shown to whoever wonders why nothing rang.")


def in_range(check: Callable[[timedelta], timedelta], value: timedelta) -> timedelta:
    """The file's limits hold here too."""
    try:
        return check(value)
    except ValueError as error:
        raise ValidationError(str(error)) from error


class MonitorForm(forms.Form):
    """Edits a monitor. `seen_at` carries what was seen when the page was made, so that a stale save is noticed."""

    name = forms.CharField(max_length=253)
    component = forms.ModelChoiceField(Component.objects.filter(removed_at=None), required=False)
    site = forms.CharField(max_length=63, required=False)
    zone = forms.CharField(max_length=63, required=False)
    interval = DurationInput(label="Every", help_text="500ms, 10s, 5m, 2h")
    timeout = DurationInput(help_text="Shorter than the interval")
    down_after = forms.IntegerField(label="Down after", min_value=1, max_value=50)
    down_of = forms.IntegerField(label="of the last", min_value=1, max_value=50)
    up_after = forms.IntegerField(label="Up after", min_value=1, max_value=50)
    up_of = forms.IntegerField(label="of the last", min_value=1, max_value=50)
    options = OptionsInput(
        required=False,
        widget=forms.Textarea(attrs={"class": "code", "spellcheck": "false", "rows": 12}),
        help_text="What this kind of monitor takes, as JSON; secrets only by the references that it has already.",
    )
    seen_at = forms.DateTimeField(widget=forms.HiddenInput)

    @classmethod
    def of(cls, monitor: Monitor) -> MonitorForm:
        names = [name for name in cls.base_fields if name not in {"seen_at", "options"}]
        initial = {name: getattr(monitor, name) for name in names}
        initial["options"] = monitor.options
        initial["seen_at"] = monitor.updated_at.isoformat()
        return cls(initial=initial)

    def clean_options(self) -> dict[str, Any]:
        options = self.cleaned_data["options"]
        if not isinstance(options, dict):
            raise ValidationError('must be a JSON object: {"url": ...}')
        return options

    def clean_interval(self) -> timedelta:
        return in_range(interval_in_range, self.cleaned_data["interval"])

    def clean_timeout(self) -> timedelta:
        return in_range(timeout_in_range, self.cleaned_data["timeout"])

    def clean_seen_at(self) -> datetime:
        seen_at: datetime = self.cleaned_data["seen_at"]
        try:
            return seen_at.astimezone(UTC)
        except OverflowError as error:
            raise ValidationError("is no time at which this page was made") from error

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        for side in ("down", "up"):
            after, of = given.get(f"{side}_after"), given.get(f"{side}_of")
            if after and of and after > of:
                self.add_error(f"{side}_after", f"{after} of the last {of} can never happen")
        interval, timeout = given.get("interval"), given.get("timeout")
        if interval and timeout and timeout > interval:
            self.add_error("timeout", "must not be longer than the interval")

    def edit(self) -> MonitorEdit:
        return MonitorEdit(**{name: value for name, value in self.cleaned_data.items() if name != "seen_at"})
