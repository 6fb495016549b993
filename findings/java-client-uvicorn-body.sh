#!/usr/bin/env bash
# Java 17's java.net.http.HttpClient as it is, and uvicorn 0.54.0 (PyPI) with httptools 0.9.0 (PyPI), which uvicorn
# chooses by itself where it is installed, as `uvicorn[standard]` does.
#
# The client offers HTTP/2 with every request that is not encrypted (Upgrade: h2c). uvicorn logs that it does not take
# the offer, and calls the application, but with httptools its parser has stopped before the body: the application gets
# an empty one, and what it answers arrives, so a service whose logs or events are posted by Java loses them with 200.
# With h11 (0.16.0), and for a client that was told to use HTTP/1.1, the body is there.
#
# Seen:
#   httptools, as it is: 200, body of 0 bytes
#   httptools, HTTP_1_1: 200, body of 7 bytes
#   h11, as it is: 200, body of 7 bytes
set -euo pipefail
tmp=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uvicorn==0.54.0 httptools==0.9.0 h11==0.16.0

cat > application.py <<'PYTHON'
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    size, more = 0, True
    while more:
        event = await receive()
        size += len(event.get("body", b""))
        more = event.get("more_body", False)
    text = b"body of %d bytes" % size
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})
PYTHON
cat > Post.java <<'JAVA'
import java.net.URI;
import java.net.http.*;
import java.time.Duration;

public class Post {
    public static void main(String[] arguments) throws Exception {
        var client = HttpClient.newBuilder();
        if (arguments.length > 1) client.version(HttpClient.Version.valueOf(arguments[1]));
        var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + arguments[0] + "/"))
            .timeout(Duration.ofSeconds(20)).POST(HttpRequest.BodyPublishers.ofString("{\"a\":1}")).build();
        var answer = client.build().send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.statusCode() + ", " + answer.body());
    }
}
JAVA
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

post() { # parser, version of HTTP
  venv/bin/uvicorn application:app --host 127.0.0.1 --port "$port" --http "$1" --log-level critical &
  server=$!
  for _ in $(seq 100); do
    (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break
    sleep 0.1
  done
  java Post.java "$port" ${2:+"$2"}
  kill "$server"
  wait "$server" 2> /dev/null || true
  server=
}
{
  echo "httptools, as it is: $(post httptools)"
  echo "httptools, HTTP_1_1: $(post httptools HTTP_1_1)"
  echo "h11, as it is: $(post h11)"
} > seen
cat seen
cat > expected <<'SEEN'
httptools, as it is: 200, body of 0 bytes
httptools, HTTP_1_1: 200, body of 7 bytes
h11, as it is: 200, body of 7 bytes
SEEN
diff expected seen > /dev/null || { echo "changed" >&2; exit 1; }
