"""GELF: JSON payloads -> messages, leniently or as a real Graylog reads them; chunks of them on UDP."""
