"""
The journal of systemd, as systemd-journal-upload sends it.

`export` cuts the export format into entries, `entries` makes messages of them.
"""
