"""Syslog: RFC 5424, RFC 3164 and what devices send in their name -> messages."""
