#!/usr/bin/env bash
# gelf 2.0.1 (npm), the GELF client over UDP for Node.
#
# A message that is larger than one datagram is cut into chunks whose header has 5 bytes and not the 12 of GELF: the
# message id is one byte instead of eight. The client draws an id of eight digits, of which the conversion to bytes
# keeps the lowest eight bits. A receiver that follows GELF takes the next seven bytes, the number and count of the chunk
# among them, for the rest of the id, and finds its number and count inside the compressed text: messages of up to
# some 1,400 compressed bytes arrive, and every larger one is lost, without an error on either side.
#
# Seen:
#   chunks 2
#   magic 1e0f 1e0f
#   one id of one byte: true
#   number and count at bytes 3 and 4: 0/2 1/2
#   put together without 5 bytes each: the message
#   put together without 12 bytes each: incorrect data
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix . gelf@2.0.1

cat > send.js <<'JS'
const crypto = require('crypto');
const dgram = require('dgram');
const zlib = require('zlib');
const Gelf = require('gelf');

const text = crypto.createHash('sha512').update('seed').digest('hex') +
  Array.from({ length: 60 }, (_, n) => crypto.createHash('sha256').update(String(n)).digest('hex')).join('');
const read = (chunks, header) => {
  try {
    const whole = zlib.inflateSync(Buffer.concat(chunks.map((chunk) => chunk.subarray(header))));
    return JSON.parse(whole).short_message === text ? 'the message' : 'another message';
  } catch (error) {
    return 'incorrect data';
  }
};
const chunks = [];
const server = dgram.createSocket('udp4').bind(0, '127.0.0.1', () => {
  const gelf = new Gelf({ graylogHostname: '127.0.0.1', graylogPort: server.address().port });
  gelf.emit('gelf.log', { short_message: text, host: 'web1' });
});
server.on('message', (chunk) => {
  chunks.push(chunk);
  if (chunks.length < chunks[0][4]) return;
  console.log('chunks', chunks.length);
  console.log('magic', ...chunks.map((each) => each.subarray(0, 2).toString('hex')));
  console.log('one id of one byte:', new Set(chunks.map((each) => each[2])).size === 1);
  console.log('number and count at bytes 3 and 4:', ...chunks.map((each) => `${each[3]}/${each[4]}`));
  console.log('put together without 5 bytes each:', read(chunks, 5));
  console.log('put together without 12 bytes each:', read(chunks, 12));
  process.exit(0);
});
JS
timeout 60 node send.js | tee out
diff out - <<'EXPECTED'
chunks 2
magic 1e0f 1e0f
one id of one byte: true
number and count at bytes 3 and 4: 0/2 1/2
put together without 5 bytes each: the message
put together without 12 bytes each: incorrect data
EXPECTED
