#!/usr/bin/env bash
# winston-gelf 1.7.0 (npm), a transport of winston that sends GELF through gelf-pro.
#
# It knows the levels of syslog by their names, and every other level is sent as info (6). Of winston's own levels, its
# default, that is right for http and verbose, which are below info. But silly, the least important of all, is sent as
# more important than debug (7): a search for level:<=6 finds the noise that a developer wanted to be last, and not debug.
#
# Seen:
#   error 3
#   warn 4
#   info 6
#   http 6
#   verbose 6
#   debug 7
#   silly 6
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix . winston-gelf@1.7.0 gelf-pro@1.4.0 winston@3.17.0

cat > send.js <<'JS'
const dgram = require('dgram');
const zlib = require('zlib');
const winston = require('winston');
const Gelf = require('winston-gelf');

const names = Object.keys(winston.config.npm.levels);
// One datagram a message: a chunk of one, whose header has 12 bytes.
const server = dgram.createSocket('udp4').bind(0, '127.0.0.1', () => {
  const gelfPro = { adapterName: 'udp', adapterOptions: { host: '127.0.0.1', port: server.address().port } };
  const logger = winston.createLogger({ level: 'silly', transports: [new Gelf({ gelfPro })] });
  for (const name of names) logger[name](name);
});
const seen = {};
server.on('message', (payload) => {
  const { short_message, level } = JSON.parse(zlib.inflateSync(payload.subarray(12)));
  seen[short_message] = level;
  if (Object.keys(seen).length < names.length) return;
  for (const name of names) console.log(name, seen[name]);
  process.exit(0);
});
JS
timeout 60 node send.js | tee out
diff out - <<'EXPECTED'
error 3
warn 4
info 6
http 6
verbose 6
debug 7
silly 6
EXPECTED
