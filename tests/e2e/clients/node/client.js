// Logs with one of npm's clients. Reads what to do as JSON from standard input.
'use strict';

const fs = require('fs');
const { createRequire } = require('module');

const job = JSON.parse(fs.readFileSync(0, 'utf8'));
const load = createRequire(job.modules + '/'); // packages live in a cache, not beside this file

async function gelfPro() {
  const log = load('gelf-pro');
  const options = { host: job.host, port: job.port };
  if (job.transport === 'tcp-tls') options.ca = [fs.readFileSync(job.ca)];
  log.setConfig({ adapterName: job.transport, adapterOptions: options, fields: { facility: 'e2e' } });
  const send = (level, ...args) =>
    new Promise((done, failed) => log[level](...args, (error) => (error ? failed(error) : done())));
  await send('warning', job.text, { order: 'A-17', count: 42, ratio: 0.5, flag: true, nothing: null, deep: { er: 'x' } });
  await send('error', new Error('it broke'));
  await send('info', job.large);
}

async function winston() {
  const { createLogger } = load('winston');
  const Log2Gelf = load('winston-log2gelf');
  const transport = new Log2Gelf({
    host: job.host, port: job.port, protocol: job.transport, service: 'e2e', hostname: 'node-host', level: 'debug',
  });
  const logger = createLogger({ level: 'debug', transports: [transport] });
  // As one object: in a text apart, winston takes %s for a place to put the fields.
  logger.log({ level: 'warn', message: job.text, order: 'A-17', count: 42, ratio: 0.5, flag: true, deep: { er: 'x' } });
  logger.info(job.large);
  // It never says when it is done: its HTTP sockets stay open for ever.
  setTimeout(() => { if (transport.end) transport.end(); process.exit(0); }, 700);
}

async function fluent() {
  const { FluentClient } = load('@fluent-org/logger');
  const client = new FluentClient('shop', {
    eventMode: job.mode,
    ack: {},
    socket: { host: job.host, port: job.port, timeout: 3000 },
    security: { clientHostname: 'web-1', sharedKey: 'secret', username: 'ann', password: 'pw' },
  });
  class CardError extends Error {}
  const error = new CardError('declined');
  const shown = { name: 'CardError', message: error.message, stack: error.stack.replace(/^Error/, 'CardError') };
  await client.emit('orders', { message: job.text, level: 'warn', order: 17, error: shown });
  await client.disconnect();
}

({ 'gelf-pro': gelfPro, winston, fluent })[job.client]().catch((error) => {
  console.error(error);
  process.exit(1);
});
