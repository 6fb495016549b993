"""Facilities: names of syslog's numbers, in messages that are read and in those that are written."""

from __future__ import annotations

FACILITIES = (
    "kernel",
    "user-level",
    "mail",
    "system daemon",
    "security/authorization",
    "syslogd",
    "line printer",
    "network news",
    "UUCP",
    "clock",
    "security/authorization",
    "FTP",
    "NTP",
    "log audit",
    "log alert",
    "clock",
    *(f"local{number}" for number in range(8)),
)
"""Names by number, in Graylog's words."""

KEYWORDS = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "security", "console", "solaris-cron"),
    *(f"local{number}" for number in range(8)),
)
"""Names by number, as configurations of syslog daemons have them."""
