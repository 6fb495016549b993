#!/usr/bin/env bash
# gelf-pro 1.4.0 (npm), a GELF client.
#
# The extra fields of a call are merged over what the call itself says, and short_message, full_message, level, host and
# timestamp among them are copied into GELF's own. So a field of the application replaces the message, the level or the
# host: error('failed', {level: 'gold', host: 'db-1'}), where a customer's level and a database's host are meant, is sent
# with a level that is a text and another host, and neither is an additional field. An id is left out silently.
#
# Seen:
#   error('failed', {}): level 3, host ours, short_message failed, fields -
#   error('failed', {"level":"gold"}): level "gold", host ours, short_message failed, fields -
#   error('failed', {"host":"db-1"}): level 3, host db-1, short_message failed, fields -
#   error('failed', {"short_message":"hi"}): level 3, host ours, short_message hi, fields -
#   error('failed', {"timestamp":"soon"}): level 3, host ours, short_message failed, fields -, timestamp "soon"
#   error('failed', {"id":7,"user":1}): level 3, host ours, short_message failed, fields _user
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix . gelf-pro@1.4.0

cat > send.js <<'JS'
const dgram = require('dgram');
const zlib = require('zlib');
const os = require('os');
const gelf = require('gelf-pro');

const extras = [
  {}, { level: 'gold' }, { host: 'db-1' }, { short_message: 'hi' }, { timestamp: 'soon' }, { id: 7, user: 1 },
];
// One datagram a message: a chunk of one, whose header has 12 bytes.
const server = dgram.createSocket('udp4').bind(0, '127.0.0.1', () => {
  gelf.setConfig({ adapterOptions: { host: '127.0.0.1', port: server.address().port } });
  next();
});

function next() {
  if (extras.length === 0) process.exit(0);
  const extra = extras.shift();
  const call = `error('failed', ${JSON.stringify(extra)})`;
  server.once('message', (payload) => {
    const sent = JSON.parse(zlib.inflateSync(payload.subarray(12)));
    const host = sent.host === os.hostname() ? 'ours' : sent.host;
    const fields = Object.keys(sent).filter((key) => key.startsWith('_')).join(' ') || '-';
    const time = typeof sent.timestamp === 'number' ? '' : `, timestamp ${JSON.stringify(sent.timestamp)}`;
    const level = JSON.stringify(sent.level);
    console.log(`${call}: level ${level}, host ${host}, short_message ${sent.short_message}, fields ${fields}${time}`);
    next();
  });
  gelf.error('failed', extra);
}
JS
timeout 60 node send.js | tee out
diff out - <<'EXPECTED'
error('failed', {}): level 3, host ours, short_message failed, fields -
error('failed', {"level":"gold"}): level "gold", host ours, short_message failed, fields -
error('failed', {"host":"db-1"}): level 3, host db-1, short_message failed, fields -
error('failed', {"short_message":"hi"}): level 3, host ours, short_message hi, fields -
error('failed', {"timestamp":"soon"}): level 3, host ours, short_message failed, fields -, timestamp "soon"
error('failed', {"id":7,"user":1}): level 3, host ours, short_message failed, fields _user
EXPECTED
