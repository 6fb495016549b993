// A server of the forward protocol: prints its port, then each entry as a line of JSON.
const { createRequire } = require("node:module");
const fs = require("node:fs");
const [folder, options] = process.argv.slice(2);
const { FluentServer } = createRequire(`${folder}/package.json`)("@fluent-org/logger");
const { security, cert, key, port } = JSON.parse(options);
const server = new FluentServer({
  security,
  tlsOptions: cert ? { cert: fs.readFileSync(cert), key: fs.readFileSync(key) } : undefined,
  listenOptions: { port: port || 0, host: "127.0.0.1" },
});
server.on("entry", (tag, time, record) => console.log(JSON.stringify({ tag, time, record })));
server.listen().then(() => console.log(JSON.stringify({ port: server.port })));
