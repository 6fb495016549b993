"""Alerts: saved queries with a condition, looked at now and then, whose changes go to destinations (docs/alerts.md)."""
