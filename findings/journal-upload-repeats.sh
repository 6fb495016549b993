#!/usr/bin/env bash
# systemd-journal-upload 252 (Debian 12, apt package systemd-journal-remote 252.39-1~deb12u2).
#
# With --save-state it keeps the cursor of the last entry that the server acknowledged, and sends that same entry
# again at its next start, although it was answered with 202. A journal in which nothing is new still makes one
# upload of one entry at each start, so a receiver that counts, alerts or stores by arrival has a duplicate for
# every restart. (--after-cursor starts behind an entry; the saved state works like --cursor.)
#
# Seen:
#   start 1: line 1, line 2, line 3
#   start 2: line 3
#   start 3: line 3
set -euo pipefail
tmp=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$tmp"' EXIT
upload=/lib/systemd/systemd-journal-upload
"$upload" --version | grep -q '^systemd 252 ' || { echo "needs systemd-journal-remote 252"; exit 2; }
cd "$tmp"

for n in 1 2 3; do
  printf '__REALTIME_TIMESTAMP=170000000000000%s\n__MONOTONIC_TIMESTAMP=%s\n_BOOT_ID=%032d\nMESSAGE=line %s\n\n' "$n" "$n" 1 "$n"
done > entries
mkdir journal
/lib/systemd/systemd-journal-remote -o journal/shop.journal entries 2>log

cat > server.py <<'PY'
import http.server, os

class Upload(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        texts = [line[8:].decode() for line in body.split(b"\n") if line.startswith(b"MESSAGE=")]
        with open("seen", "a") as seen:
            print(", ".join(texts), file=seen)
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

with http.server.HTTPServer(("127.0.0.1", 0), Upload) as server:
    with open("port.new", "w") as port:
        port.write(str(server.server_port))
    os.rename("port.new", "port")
    server.serve_forever()
PY
python3 server.py & server=$!
until [ -e port ]; do kill -0 "$server"; sleep 0.1; done

for start in 1 2 3; do
  timeout 30 "$upload" --url="http://127.0.0.1:$(cat port)" --directory=journal --save-state="$tmp/state" --follow=no 2>log
  echo "start $start: $(tail -n 1 seen)"
done | tee out
diff out - <<'EXPECTED'
start 1: line 1, line 2, line 3
start 2: line 3
start 3: line 3
EXPECTED
