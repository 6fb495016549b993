#!/usr/bin/env bash
# syslog-pro 1.0.0 (npm), a client for syslog (RFC 3164 and 5424), CEF and LEEF.
#
# It writes hours from 1 to 12 and nothing that says which half of the day: what is logged after noon arrives with a
# time twelve hours before, and in the hour after midnight with one twelve hours ahead, in both formats. In RFC 5424
# every text begins with the three letters BOM, where the standard's grammar has that name for the three bytes of the
# byte order mark. And where no name is given for the program the field is empty, which RFC 5424 does not allow, and not
# the default that is documented, NodeJSLogger.
#
# Seen: at 2026-11-30T20:10:05Z
#   RFC5424: <187>1 2026-11-30T08:10:05+00:00 HOST  - - - BOMfailed
#   RFC3164: <187>Nov 30 08:10:05 HOST  failed
#   RFC5424, with a program: <187>1 2026-11-30T08:10:05+00:00 HOST shop - - - BOMfailed
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund syslog-pro@1.0.0 moment@2.30.1

cat > log.js <<'JS'
const now = Date.UTC(2026, 10, 30, 20, 10, 5);
const Clock = Date;
global.Date = class extends Clock {
  constructor(...given) { super(...(given.length ? given : [now])); }
  static now() { return now; }
};
const dgram = require('dgram');
const { RFC3164, RFC5424, Syslog } = require('syslog-pro');

const socket = dgram.createSocket('udp4');
socket.bind(0, '127.0.0.1', async () => {
  const show = async (name, Kind, options) => {
    const arrived = new Promise((done) => socket.once('message', done));
    const server = new Syslog({ target: '127.0.0.1', port: socket.address().port, protocol: 'udp' });
    await new Kind({ hostname: 'HOST', server, ...options }).error('failed');
    console.log(`${name}: ${`${await arrived}`.trimEnd()}`);
  };
  await show('RFC5424', RFC5424);
  await show('RFC3164', RFC3164);
  await show('RFC5424, with a program', RFC5424, { applacationName: 'shop' });
  process.exit();
});
JS
TZ=UTC timeout 60 node log.js > seen
cat seen
cat > expected <<'SEEN'
RFC5424: <187>1 2026-11-30T08:10:05+00:00 HOST  - - - BOMfailed
RFC3164: <187>Nov 30 08:10:05 HOST  failed
RFC5424, with a program: <187>1 2026-11-30T08:10:05+00:00 HOST shop - - - BOMfailed
SEEN
diff expected seen > /dev/null || { echo "changed" >&2; exit 1; }
