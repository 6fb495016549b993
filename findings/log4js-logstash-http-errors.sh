#!/usr/bin/env bash
# @log4js-node/logstash-http 1.1.0 (npm), log4js' appender for Logstash's and Elasticsearch's bulk API by HTTP.
#
# An Error is replaced with an object that has a method `inspect`, which Node.js stopped calling in version 11. So an
# error that is logged arrives as "{ inspect: [Function: inspect] }": neither its message nor its stack is sent.
#
# Seen:
#   it failed { inspect: [Function: inspect] }
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix . log4js@6.9.1 @log4js-node/logstash-http@1.1.0

cat > send.js <<'JS'
const http = require('http');
const log4js = require('log4js');

const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (piece) => { body += piece; });
  request.on('end', () => {
    response.end('{}');
    console.log(JSON.parse(body.split('\n')[1]).message);
    process.exit();
  });
});
server.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}/_bulk`;
  const appender = { type: '@log4js-node/logstash-http', url, application: 'shop', logType: 'application', logChannel: 'web' };
  log4js.configure({ appenders: { sent: appender }, categories: { default: { appenders: ['sent'], level: 'info' } } });
  log4js.getLogger().error('it failed', new Error('boom'));
});
JS
seen=$(timeout 60 node send.js)
echo "$seen"
[ "$seen" = "it failed { inspect: [Function: inspect] }" ] || { echo "changed" >&2; exit 1; }
