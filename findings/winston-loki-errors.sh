#!/usr/bin/env bash
# winston-loki 6.1.7 (npm), a transport of winston that pushes to Loki.
#
# Without a format of its own the line is the message and JSON.stringify() of the metadata. An Error has no enumerable
# properties, so logger.error('failed', { error }) pushes failed {"error":{},"level":"error"}: neither its message nor its stack arrives.
# An Error as the metadata itself, logger.error('failed', error), arrives with both, for winston copies them.
#
# Seen:
#   { error }: failed {"error":{},"level":"error"}
#   error: failed boom, with a stack
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix . winston-loki@6.1.7 winston@3.17.0

cat > send.js <<'JS'
const http = require('http');
const winston = require('winston');
const Loki = require('winston-loki');

const lines = [];
const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (data) => { body += data; });
  request.on('end', () => {
    for (const stream of JSON.parse(body).streams) lines.push(...stream.values.map((value) => value[1]));
    response.writeHead(204).end();
    if (lines.length < 2) return;
    console.log(`{ error }: ${lines[0].trim()}`);
    const message = lines[1].slice(0, lines[1].indexOf(" {"));
    console.log(`error: ${message}, ${lines[1].includes('"stack":"Error: boom') ? 'with a stack' : 'without a stack'}`);
    process.exit(0);
  });
});
server.listen(0, '127.0.0.1', () => {
  const transport = new Loki({ host: `http://127.0.0.1:${server.address().port}`, json: true, batching: false });
  const logger = winston.createLogger({ transports: [transport] });
  logger.error('failed', { error: new Error('boom') });
  setTimeout(() => logger.error('failed', new Error('boom')), 500);
});
JS
timeout 60 node send.js | tee out
diff out - <<'EXPECTED'
{ error }: failed {"error":{},"level":"error"}
error: failed boom, with a stack
EXPECTED
