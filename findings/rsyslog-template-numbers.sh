#!/usr/bin/env bash
# rsyslog 8.2302.0 (Debian 12, 8.2302.0-1+deb12u1), list templates with format="jsonf" and datatype.
#
# datatype="number" writes whatever the property holds without quotes, datatype="auto" everything that consists of digits. RFC 5424 says
# "-" where there is no process id, and digits may begin with zeros, so messages that are valid syslog become lines that are not valid JSON.
# Only a property that is empty is replaced, by 0. datatype="bool" is true for everything that is not "0" or "false", "no" and "off" included.
#
# Seen, for the process ids 007, - and 7, and the text off:
#   {"number":007, "auto":007, "bool":true}
#   {"number":-, "auto":"-", "bool":true}
#   {"number":7, "auto":7, "bool":true}
set -euo pipefail
tmp=$(mktemp -d)
trap 'kill "$pid" 2> /dev/null || true; rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -o APT::Sandbox::User=root download rsyslog=8.2302.0-1+deb12u1 libestr0=0.1.11-1 libfastjson4=1.2304.0-1 > /dev/null
for package in *.deb; do dpkg -x "$package" root; done
lib=$(dirname "$(find root -name imuxsock.so)")

cat > rsyslog.conf <<CONF
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="$tmp/log" CreatePath="off" Ruleset="write" ParseHostname="on" UseSpecialParser="off")
template(name="json" type="list" option.jsonf="on") {
  property(outname="number" name="procid" format="jsonf" datatype="number")
  property(outname="auto" name="procid" format="jsonf" datatype="auto")
  property(outname="bool" name="msg" format="jsonf" datatype="bool")
}
ruleset(name="write" parser="rsyslog.rfc5424") { action(type="omfile" file="$tmp/out" template="json") }
CONF
LD_LIBRARY_PATH=$(dirname "$(find "$PWD/root" -name 'libestr.so.0')") root/usr/sbin/rsyslogd -n -f rsyslog.conf -i "$tmp/pid" -M "$PWD/$lib" &
pid=$!
for _ in $(seq 50); do [ -S log ] && break; sleep 0.1; done
for procid in 007 - 7; do
  python3 -c '
import socket, sys
line = f"<13>1 2026-11-30T10:00:00Z host app {sys.argv[2]} - - off"
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(line.encode(), sys.argv[1])' "$tmp/log" "$procid"
done
for _ in $(seq 50); do [ "$(cat out 2> /dev/null | wc -l)" = 3 ] && break; sleep 0.1; done
cat out
diff out - <<'SEEN'
{"number":007, "auto":007, "bool":true}
{"number":-, "auto":"-", "bool":true}
{"number":7, "auto":7, "bool":true}
SEEN
