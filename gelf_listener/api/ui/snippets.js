// @ts-check
/** Snippets: how to send from everywhere, with the addresses this listener really has. */

/**
 * @param {{host: string, udp: number | null, tcp: number | null, http: number | null}} at
 * @returns {{name: string, install: string, code: string}[]}
 */
export function snippets({ host, udp, tcp, http }) {
  const udpPort = udp ?? 12201;
  const tcpPort = tcp ?? 12201;
  const httpPort = http ?? 12203;
  return [
    {
      name: "Shell",
      install: "",
      code: `echo -n '{"version":"1.1","host":"shell","short_message":"Hello","level":6,"_user_id":42}' | nc -u -w1 ${host} ${udpPort}\n\ncurl -X POST http://${host}:${httpPort}/gelf -d '{"host":"shell","short_message":"Hello from curl"}'\n\ngelf-listener send "Hello" -f user_id=42 --to gelf+udp://${host}:${udpPort}`,
    },
    {
      name: "Python: gelf-handlers",
      install: "pip install gelf-handlers",
      code: `import logging\n\nimport gelf_handlers\n\ngelf_handlers.configure("shop", "gelf+tcp://${host}:${tcpPort}")\nlogging.getLogger(__name__).warning("Stock is low", extra={"article": 4711})`,
    },
    {
      name: "Python: graypy",
      install: "pip install graypy",
      code: `import logging\n\nimport graypy\n\nlogger = logging.getLogger("shop")\nlogger.setLevel(logging.DEBUG)\nlogger.addHandler(graypy.GELFUDPHandler("${host}", ${udpPort}))\nlogger.warning("Stock is low", extra={"article": 4711})`,
    },
    {
      name: "Python: standard library",
      install: "",
      code: `import logging\nimport logging.handlers\n\nlogger = logging.getLogger("shop")\nlogger.setLevel(logging.DEBUG)\nlogger.addHandler(logging.handlers.HTTPHandler("${host}:${httpPort}", "/logrecord", method="POST"))\nlogger.warning("Stock is low")`,
    },
    {
      name: "Python: structlog",
      install: "pip install 'gelf-handlers[structlog]'",
      code: `import gelf_handlers\nimport structlog\nfrom gelf_handlers.structlog import to_logging\n\ngelf_handlers.configure("shop", "gelf+tcp://${host}:${tcpPort}")\nstructlog.configure(\n    processors=[structlog.contextvars.merge_contextvars, to_logging],\n    logger_factory=structlog.stdlib.LoggerFactory(),\n    wrapper_class=structlog.stdlib.BoundLogger,\n)\nstructlog.get_logger("shop").warning("Stock is low", article=4711)`,
    },
    {
      name: "Docker",
      install: "",
      code: `docker run --log-driver gelf --log-opt gelf-address=udp://${host}:${udpPort} --log-opt tag="{{.Name}}" alpine echo Hello\n\n# compose.yml\nservices:\n  web:\n    image: nginx\n    logging:\n      driver: gelf\n      options:\n        gelf-address: "udp://${host}:${udpPort}"`,
    },
    {
      name: "Java: logback",
      install: "de.siegmar:logback-gelf",
      code: `<appender name="GELF" class="de.siegmar.logbackgelf.GelfUdpAppender">\n  <graylogHost>${host}</graylogHost>\n  <graylogPort>${udpPort}</graylogPort>\n</appender>\n<root level="INFO"><appender-ref ref="GELF"/></root>`,
    },
    {
      name: "Node: gelf-pro",
      install: "npm install gelf-pro",
      code: `const log = require("gelf-pro");\n\nlog.setConfig({ adapterName: "udp", adapterOptions: { host: "${host}", port: ${udpPort} } });\nlog.warning("Stock is low", { article: 4711 });`,
    },
    {
      name: "Go: go-gelf",
      install: "go get gopkg.in/Graylog2/go-gelf.v2/gelf",
      code: `writer, err := gelf.NewUDPWriter("${host}:${udpPort}")\nif err != nil {\n\tlog.Fatal(err)\n}\nlog.SetOutput(io.MultiWriter(os.Stderr, writer))\nlog.Print("Stock is low")`,
    },
    {
      name: "PHP: gelf-php",
      install: "composer require graylog2/gelf-php",
      code: `<?php\n$transport = new Gelf\\Transport\\UdpTransport("${host}", ${udpPort});\n$publisher = new Gelf\\Publisher($transport);\n$logger = new Gelf\\Logger($publisher, ["article" => 4711]);\n$logger->warning("Stock is low");`,
    },
    {
      name: ".NET: Serilog",
      install: "dotnet add package Serilog.Sinks.Graylog",
      code: `Log.Logger = new LoggerConfiguration()\n    .WriteTo.Graylog(new GraylogSinkOptions {\n        HostnameOrAddress = "${host}", Port = ${udpPort},\n    })\n    .CreateLogger();\nLog.Warning("Stock is low: {Article}", 4711);`,
    },
  ];
}
