// @ts-check
/** Snippets: how to send from everywhere, with the addresses this listener really has. */

/** @typedef {"udp" | "tcp" | "http" | "otlp" | "loki" | "forward" | "elasticsearch" | "splunk" | "journal"} Input */
/** @typedef {{host: string} & Record<Input, number | null>} Addresses null: no input takes it */

/**
 * Where this listener takes messages, as a sender would write it.
 * @param {{listening: string[]}[]} inputs as the API tells
 * @param {string} host the name this page was opened by
 * @returns {Addresses}
 */
export function addresses(inputs, host) {
  const urls = inputs.flatMap((input) => input.listening);
  const port = (/** @type {string} */ scheme) =>
    Number(urls.find((url) => url.startsWith(`${scheme}://`))?.match(/:(\d+)(?:\/|$)/)?.[1]) || null;
  const tcp = port("gelf+tcp"); // which takes HTTP as well
  return {
    host: host.replace(/^\[|\]$/g, ""),
    udp: port("gelf+udp"),
    tcp,
    http: port("gelf+http") ?? tcp,
    otlp: port("otlp+http"),
    loki: port("loki+http"),
    forward: port("forward"),
    elasticsearch: port("elasticsearch+http"),
    splunk: port("splunk+hec"),
    journal: port("journal+http"),
  };
}

/**
 * The snippets. Where no input takes what one sends, it has the usual port.
 * @param {Addresses} at
 * @returns {{name: string, by: Input, install: string, code: string}[]}
 */
export function snippets({ host, udp, tcp, http, otlp, loki, forward, elasticsearch, splunk, journal }) {
  const udpPort = udp ?? 12201;
  const tcpPort = tcp ?? 12201;
  const httpPort = http ?? 12203;
  const otlpPort = otlp ?? 4318;
  const lokiPort = loki ?? 3100;
  const forwardPort = forward ?? 24224;
  const elasticsearchPort = elasticsearch ?? 9200;
  const splunkPort = splunk ?? 8088;
  const journalPort = journal ?? 19532;
  const inUrl = host.includes(":") ? `[${host}]` : host;
  return [
    {
      name: "Shell",
      by: "udp",
      install: "",
      code: `echo -n '{"version":"1.1","host":"shell","short_message":"Hello","level":6,"_user_id":42}' | nc -u -w1 ${host} ${udpPort}\n\ncurl -X POST http://${inUrl}:${httpPort}/gelf -d '{"host":"shell","short_message":"Hello from curl"}'\n\ngelf-listener send "Hello" -f user_id=42 --to gelf+udp://${inUrl}:${udpPort}`,
    },
    {
      name: "Python: gelf-handlers",
      by: "tcp",
      install: "pip install ./handlers  # in the directory of gelf-listener's source",
      code: `import logging\n\nimport gelf_handlers\n\ngelf_handlers.configure("shop", "gelf+tcp://${inUrl}:${tcpPort}")\nlogging.getLogger(__name__).warning("Stock is low", extra={"article": 4711})`,
    },
    {
      name: "Python: graypy",
      by: "udp",
      install: "pip install graypy",
      code: `import logging\n\nimport graypy\n\nlogger = logging.getLogger("shop")\nlogger.setLevel(logging.DEBUG)\nlogger.addHandler(graypy.GELFUDPHandler("${host}", ${udpPort}))\nlogger.warning("Stock is low", extra={"article": 4711})`,
    },
    {
      name: "Python: standard library",
      by: "http",
      install: "",
      code: `import logging\nimport logging.handlers\n\nlogger = logging.getLogger("shop")\nlogger.setLevel(logging.DEBUG)\nlogger.addHandler(logging.handlers.HTTPHandler("${inUrl}:${httpPort}", "/logrecord", method="POST"))\nlogger.warning("Stock is low")`,
    },
    {
      name: "Python: structlog",
      by: "tcp",
      install: "pip install './handlers[structlog]'  # in the directory of gelf-listener's source",
      code: `import gelf_handlers\nimport structlog\nfrom gelf_handlers.structlog import to_logging\n\ngelf_handlers.configure("shop", "gelf+tcp://${inUrl}:${tcpPort}")\nstructlog.configure(\n    processors=[structlog.contextvars.merge_contextvars, to_logging],\n    logger_factory=structlog.stdlib.LoggerFactory(),\n    wrapper_class=structlog.stdlib.BoundLogger,\n)\nstructlog.get_logger("shop").warning("Stock is low", article=4711)`,
    },
    {
      name: "Docker",
      by: "udp",
      install: "",
      code: `docker run --log-driver gelf --log-opt gelf-address=udp://${inUrl}:${udpPort} --log-opt tag="{{.Name}}" alpine echo Hello\n\n# compose.yml\nservices:\n  web:\n    image: nginx\n    logging:\n      driver: gelf\n      options:\n        gelf-address: "udp://${inUrl}:${udpPort}"`,
    },
    {
      name: "Java: logback",
      by: "udp",
      install: "de.siegmar:logback-gelf",
      code: `<appender name="GELF" class="de.siegmar.logbackgelf.GelfUdpAppender">\n  <graylogHost>${host}</graylogHost>\n  <graylogPort>${udpPort}</graylogPort>\n</appender>\n<root level="INFO"><appender-ref ref="GELF"/></root>`,
    },
    {
      name: "Node: gelf-pro",
      by: "udp",
      install: "npm install gelf-pro",
      code: `const log = require("gelf-pro");\n\nlog.setConfig({ adapterName: "udp", adapterOptions: { host: "${host}", port: ${udpPort} } });\nlog.warning("Stock is low", { article: 4711 });`,
    },
    {
      name: "Go: go-gelf",
      by: "udp",
      install: "go get gopkg.in/Graylog2/go-gelf.v2/gelf",
      code: `writer, err := gelf.NewUDPWriter("${inUrl}:${udpPort}")\nif err != nil {\n\tlog.Fatal(err)\n}\nlog.SetOutput(io.MultiWriter(os.Stderr, writer))\nlog.Print("Stock is low")`,
    },
    {
      name: "PHP: gelf-php",
      by: "udp",
      install: "composer require graylog2/gelf-php",
      code: `<?php\n$transport = new Gelf\\Transport\\UdpTransport("${host}", ${udpPort});\n$publisher = new Gelf\\Publisher($transport);\n$logger = new Gelf\\Logger($publisher, ["article" => 4711]);\n$logger->warning("Stock is low");`,
    },
    {
      name: ".NET: Serilog",
      by: "udp",
      install: "dotnet add package Serilog.Sinks.Graylog",
      code: `Log.Logger = new LoggerConfiguration()\n    .WriteTo.Graylog(new GraylogSinkOptions {\n        HostnameOrAddress = "${host}", Port = ${udpPort},\n    })\n    .CreateLogger();\nLog.Warning("Stock is low: {Article}", 4711);`,
    },
    {
      name: "OpenTelemetry",
      by: "otlp",
      install: "",
      code: `# Variables of a service with any of OpenTelemetry's SDKs or agents\nOTEL_EXPORTER_OTLP_ENDPOINT=http://${inUrl}:${otlpPort}\nOTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\nOTEL_LOGS_EXPORTER=otlp\nOTEL_TRACES_EXPORTER=none\nOTEL_METRICS_EXPORTER=none\n\ncurl http://${inUrl}:${otlpPort}/v1/logs -H 'Content-Type: application/json' -d '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"Hello"},"severityNumber":9}]}]}]}'`,
    },
    {
      name: "Loki",
      by: "loki",
      install: "",
      code: `# Where promtail, Alloy, Fluent Bit and logging handlers push to\nhttp://${inUrl}:${lokiPort}/loki/api/v1/push\n\ncurl http://${inUrl}:${lokiPort}/loki/api/v1/push -H 'Content-Type: application/json' -d '{"streams":[{"stream":{"app":"shop","level":"info"},"values":[["'$(date +%s%N)'","Hello"]]}]}'`,
    },
    {
      name: "Fluent",
      by: "forward",
      install: "",
      code: `# Fluent Bit\n[OUTPUT]\n    Name forward\n    Match *\n    Host ${host}\n    Port ${forwardPort}\n\ndocker run --log-driver fluentd --log-opt fluentd-address=${inUrl}:${forwardPort} alpine echo Hello\n\necho '["shell",0,{"message":"Hello","level":"info"}]' | nc -w1 ${host} ${forwardPort}`,
    },
    {
      name: "Elasticsearch",
      by: "elasticsearch",
      install: "",
      code: `# filebeat.yml; Logstash, Vector and clients take the same address\noutput.elasticsearch:\n  hosts: ["http://${inUrl}:${elasticsearchPort}"]\n\ncurl http://${inUrl}:${elasticsearchPort}/logs-shop-default/_doc -H 'Content-Type: application/json' -d '{"message":"Hello","log.level":"info"}'`,
    },
    {
      name: "Splunk HEC",
      by: "splunk",
      install: "",
      code: `docker run --log-driver splunk --log-opt splunk-url=http://${inUrl}:${splunkPort} --log-opt splunk-token=any alpine echo Hello\n\ncurl http://${inUrl}:${splunkPort}/services/collector/event -H 'Authorization: Splunk any' -d '{"event":{"message":"Hello","severity":"info"}}'`,
    },
    {
      name: "systemd's journal",
      by: "journal",
      install: "apt install systemd-journal-remote",
      code: `# /etc/systemd/journal-upload.conf\n[Upload]\nURL=http://${inUrl}:${journalPort}\n\ncurl http://${inUrl}:${journalPort}/upload -H 'Content-Type: application/vnd.fdo.journal' --data-binary $'MESSAGE=Hello\\nPRIORITY=6\\n\\n'`,
    },
  ];
}
