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

async function winstonSyslog() {
  const { createLogger, config } = load('winston');
  const { Syslog } = load('winston-syslog');
  const transport = new Syslog({
    host: job.host, port: job.port, protocol: 'tcp4', type: job.form, localhost: 'node-host', app_name: 'shop', facility: 'local3',
  });
  const logger = createLogger({ levels: config.syslog.levels, level: 'debug', transports: [transport] });
  logger.log({ level: 'error', message: job.text, order: 'A-17', count: 42 }); // %s in a text apart takes the fields
  logger.warning('second');
  setTimeout(() => logger.notice('third'), 3500);
  setTimeout(() => process.exit(0), 7000); // the connection stays open, as that of a service does
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

const FIELDS = { order: 'A-17', count: 42, ratio: 0.5, flag: true, deep: { er: 'x' } };

async function otlp() {
  const { SeverityNumber } = load('@opentelemetry/api-logs');
  const { LoggerProvider, BatchLogRecordProcessor } = load('@opentelemetry/sdk-logs');
  const { resourceFromAttributes } = load('@opentelemetry/resources');
  const names = { json: 'http', proto: 'proto', grpc: 'grpc' };
  const { OTLPLogExporter } = load(`@opentelemetry/exporter-logs-otlp-${names[job.form]}`);
  const url = `http://127.0.0.1:${job.port}${job.form === 'grpc' ? '' : '/v1/logs'}`;
  const provider = new LoggerProvider({
    resource: resourceFromAttributes({ 'service.name': 'shop', 'host.name': 'web-1' }),
    processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url }) })],
  });
  const logger = provider.getLogger('shop.orders');
  const error = new Error('no stock');
  logger.emit({ severityNumber: SeverityNumber.WARN, severityText: 'WARN', body: job.text, attributes: FIELDS });
  const attributes = { 'exception.type': error.name, 'exception.message': error.message, 'exception.stacktrace': error.stack };
  logger.emit({ severityNumber: SeverityNumber.ERROR, body: 'order failed', attributes });
  logger.emit({ severityNumber: SeverityNumber.DEBUG, body: job.large });
  await provider.shutdown();
}

async function pinoLoki() {
  const pino = load('pino');
  const { pinoLoki: toLoki } = load('pino-loki');
  const stream = toLoki({ host: `http://127.0.0.1:${job.port}`, labels: { service_name: 'shop' }, batching: { interval: 1 } });
  const logger = pino({ level: 'debug' }, stream);
  logger.warn(FIELDS, job.text);
  logger.error(new Error('no stock'), 'order failed');
  logger.debug(job.large);
  stream.end();
  await new Promise((done) => stream.on('close', done));
}

async function winstonLoki() {
  const { createLogger, format } = load('winston');
  const LokiTransport = load('winston-loki');
  const transport = new LokiTransport({
    host: `http://127.0.0.1:${job.port}`, labels: { service_name: 'shop' }, format: format.combine(format.errors({ stack: true }), format.json()),
    interval: 1,
  });
  const logger = createLogger({ level: 'debug', transports: [transport] });
  logger.log({ level: 'warn', message: job.text, ...FIELDS });
  const error = new Error('no stock');
  logger.log({ level: 'error', message: 'order failed', stack: error.stack });
  logger.debug(job.large);
  await transport.flush();
  process.exit(0);
}

const CLIENTS = { 'gelf-pro': gelfPro, winston, fluent, otlp, 'pino-loki': pinoLoki, 'winston-loki': winstonLoki, winstonSyslog };
CLIENTS[job.client]().catch((error) => {
  console.error(error);
  process.exit(1);
});
