#!/usr/bin/env bash
# winston-elasticsearch 0.19.0 (npm), a transport of winston for Elasticsearch, with @elastic/elasticsearch 8.19.2.
#
# A request that is refused for good, with 400, is sent again at once, 400 times by default: there is no pause between
# them, and nothing tells a document that will never be taken from a server that is busy. One line that is logged makes
# hundreds of requests in seconds, and then it is gone; what is logged meanwhile goes with it. Its counter of attempts
# is sent too, in a key beside the operation, which the bulk API does not have.
#
# Seen:
#   the first line: {"index":{"_index":"logs","pipeline":null},"attempts":0}
#   requests within 30 seconds after one was refused: 300 or more
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix . winston-elasticsearch@0.19.0 winston@3.19.0 @elastic/elasticsearch@8.19.2

cat > send.js <<'JS'
const http = require('http');
const winston = require('winston');
const { ElasticsearchTransport } = require('winston-elasticsearch');

const ENOUGH = 300;
let requests = 0;
const done = (seen) => {
  console.log(`requests within 30 seconds after one was refused: ${seen}`);
  process.exit(0);
};
const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (data) => { body += data; });
  request.on('end', () => {
    response.setHeader('X-Elastic-Product', 'Elasticsearch');
    response.setHeader('Content-Type', 'application/json');
    if (!request.url.startsWith('/_bulk')) {
      response.end('{"status":"green","version":{"number":"8.19.0"}}');
      return;
    }
    if (requests === 0) {
      console.log(`the first line: ${body.split('\n')[0]}`);
      setTimeout(() => done(requests), 30000);
    }
    requests += 1;
    response.statusCode = 400;
    response.end('{"error":{"type":"illegal_argument_exception","reason":"no such operation"},"status":400}');
    if (requests === ENOUGH) done(`${ENOUGH} or more`);
  });
});
server.listen(0, '127.0.0.1', () => {
  const node = `http://127.0.0.1:${server.address().port}`;
  const transport = new ElasticsearchTransport({ clientOpts: { node }, index: 'logs' });
  transport.on('error', () => {});
  winston.createLogger({ transports: [transport] }).info('order placed');
});
JS
timeout 120 node send.js | tee out
diff out - <<'EXPECTED'
the first line: {"index":{"_index":"logs","pipeline":null},"attempts":0}
requests within 30 seconds after one was refused: 300 or more
EXPECTED
