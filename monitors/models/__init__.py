"""Own the tables of the measuring floor."""

from __future__ import annotations

from monitors.models.change import ChangeEvent, Finding, StateChange
from monitors.models.component import Component
from monitors.models.domain import DomainRecord, RecordChange
from monitors.models.heartbeat import HeartbeatSignal
from monitors.models.history import (
    DayRollup,
    Evidence,
    HourRollup,
    HouseJob,
    MinuteRollup,
    Observation,
    StateInterval,
    UptimeMonth,
)
from monitors.models.monitor import Location, Monitor, MonitorState, Watch
from monitors.models.platform import Platform
from monitors.models.process import ProcessBeat
from monitors.models.queue import QueueMinute, QueueSample, QueueState, QueueTenSeconds

__all__ = [
    "ChangeEvent",
    "Component",
    "DayRollup",
    "DomainRecord",
    "Evidence",
    "Finding",
    "HeartbeatSignal",
    "HourRollup",
    "HouseJob",
    "Location",
    "MinuteRollup",
    "Monitor",
    "MonitorState",
    "Observation",
    "Platform",
    "ProcessBeat",
    "QueueMinute",
    "QueueSample",
    "QueueState",
    "QueueTenSeconds",
    "RecordChange",
    "StateChange",
    "StateInterval",
    "UptimeMonth",
    "Watch",
]
