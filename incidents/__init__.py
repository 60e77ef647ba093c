"""RESPOND: alerts, incidents, timeline, offline mode; knows `monitors`, not `statuspage`."""
