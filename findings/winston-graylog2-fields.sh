#!/usr/bin/env bash
# winston-graylog2 2.1.2 (npm), the transport of winston 3 that is made for Graylog.
#
# It sends what winston 3 calls metadata, and winston 3 puts the fields of a call beside the message, not there, unless
# the logger's format has `winston.format.metadata()`. So log('error', 'failed', {order: 7}) arrives without its field,
# and so does what a child logger or `defaultMeta` adds to every message. The stack of an error arrives in neither case
# as the text's continuation: only as one more field, and only with that format and `errors({stack: true})`. What is set
# once for all messages (`staticMeta`) replaces a field of the same name of a single message.
#
# Seen: the additional fields
#   a field: {}
#   of a child logger: {}
#   an error: {}
#   with metadata(): {"_order":7}
#   with metadata(), an error: {"_stack":"Error: boom"}
#   with metadata() and staticMeta: {"_order":0}
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund winston@3.19.0 winston-graylog2@2.1.2

cat > log.js <<'JS'
const dgram = require('dgram');
const zlib = require('zlib');
const winston = require('winston');
const Graylog2 = require('winston-graylog2');

const server = dgram.createSocket('udp4');
const own = ['version', 'timestamp', 'host', 'facility', 'level', 'short_message', 'full_message'];

function logger(format, staticMeta) {
  const { port } = server.address();
  const graylog = { servers: [{ host: '127.0.0.1', port }], hostname: 'HOST' };
  return winston.createLogger({ format, transports: [new Graylog2({ graylog, staticMeta })] });
}

async function show(name, log) {
  const arrived = new Promise((done) => server.once('message', done));
  log();
  const bytes = await arrived;
  const document = JSON.parse(bytes[0] === 0x7b ? bytes : zlib.inflateSync(bytes));
  const fields = Object.entries(document).filter(([key]) => !own.includes(key));
  console.log(`${name}: ${JSON.stringify(Object.fromEntries(fields)).replace(/\\n[^"]*/, '')}`);
}

server.bind(0, '127.0.0.1', async () => {
  const plain = logger(winston.format.json());
  await show('a field', () => plain.error('failed', { order: 7 }));
  await show('of a child logger', () => plain.child({ order: 7 }).error('failed'));
  await show('an error', () => logger(winston.format.errors({ stack: true })).error(new Error('boom')));
  const whole = winston.format.combine(winston.format.errors({ stack: true }), winston.format.metadata());
  await show('with metadata()', () => logger(whole).error('failed', { order: 7 }));
  await show('with metadata(), an error', () => logger(whole).error(new Error('boom')));
  await show('with metadata() and staticMeta', () => logger(whole, { order: 0 }).error('failed', { order: 7 }));
  process.exit();
});
JS
timeout 60 node --no-deprecation log.js > seen
cat seen
cat > expected <<'SEEN'
a field: {}
of a child logger: {}
an error: {}
with metadata(): {"_order":7}
with metadata(), an error: {"_stack":"Error: boom"}
with metadata() and staticMeta: {"_order":0}
SEEN
diff expected seen > /dev/null || { echo "changed" >&2; exit 1; }
