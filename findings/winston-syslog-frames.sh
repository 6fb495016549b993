#!/usr/bin/env bash
# winston-syslog 2.7.1 (npm), the syslog transport of winston, by TCP.
#
# Messages over TCP need an end or a count (RFC 6587). It writes neither, for RFC5424 and BSD alike, unless its option
# `eol` says what to put behind each, so a server that cuts at newlines sees one message that ends with the connection:
# the priority of the second stands in the text of the first. By UDP and by Unix sockets that are datagrams it shows
# nowhere.
#
# Seen: bytes of two messages, the time, the host and the process replaced
#   RFC5424: <155>1 TIME HOST shop PID - - {"level":"error","message":"one"}<156>1 TIME HOST shop PID - - {"level":"warning","message":"two"}
#   BSD: <155>TIME HOST shop[PID]: {"level":"error","message":"one"}<156>TIME HOST shop[PID]: {"level":"warning","message":"two"}
#   RFC5424 with eol: <155>1 TIME HOST shop PID - - {"level":"error","message":"one"}\n<156>1 TIME HOST shop PID - - {"level":"warning","message":"two"}\n
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund winston@3.19.0 winston-syslog@2.7.1

cat > log.js <<'JS'
const net = require('net');
const winston = require('winston');
const { Syslog } = require('winston-syslog');

function sent(options) {
  return new Promise((done) => {
    const server = net.createServer((socket) => {
      let bytes = '';
      socket.on('data', (data) => {
        bytes += data;
        if (!bytes.includes('"two"}')) return;
        setTimeout(() => { socket.destroy(); server.close(); done(bytes); }, 200);
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const transport = new Syslog({
        host: '127.0.0.1', port: server.address().port, protocol: 'tcp4', localhost: 'HOST', app_name: 'shop',
        facility: 'local3', ...options,
      });
      transport.on('error', () => {});
      const logger = winston.createLogger({ levels: winston.config.syslog.levels, transports: [transport] });
      logger.error('one');
      logger.warning('two');
    });
  });
}

(async () => {
  for (const [name, options] of [['RFC5424', { type: 'RFC5424' }], ['BSD', { type: 'BSD' }], ['RFC5424 with eol', { type: 'RFC5424', eol: '\n' }]]) {
    const bytes = (await sent(options)).replaceAll(String(process.pid), 'PID').replaceAll('\n', '\\n')
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME').replace(/[A-Z][a-z]{2} [ \d]\d [\d:]{8}/g, 'TIME');
    console.log(`${name}: ${bytes}`);
  }
  process.exit(0);
})();
JS
node log.js | tee seen
diff - seen <<'SEEN'
RFC5424: <155>1 TIME HOST shop PID - - {"level":"error","message":"one"}<156>1 TIME HOST shop PID - - {"level":"warning","message":"two"}
BSD: <155>TIME HOST shop[PID]: {"level":"error","message":"one"}<156>TIME HOST shop[PID]: {"level":"warning","message":"two"}
RFC5424 with eol: <155>1 TIME HOST shop PID - - {"level":"error","message":"one"}\n<156>1 TIME HOST shop PID - - {"level":"warning","message":"two"}\n
SEEN
