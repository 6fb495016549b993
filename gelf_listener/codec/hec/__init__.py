"""
Splunk's HTTP Event Collector as clients know it.

`events` cuts bodies into events and makes messages of them, `acks` remembers what may be acknowledged.
"""
