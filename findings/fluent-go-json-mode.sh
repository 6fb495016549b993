#!/usr/bin/env bash
# fluent-logger-golang 1.10.2 (the client within Docker's fluentd driver), Go module
# github.com/fluent/fluent-logger-golang, with MarshalAsJSON, SubSecondPrecision and RequestAck.
#
# MarshalAsJSON changes more than the encoding. SubSecondPrecision has no effect, without a word: the time is cut to
# whole seconds. The server's acknowledgement is read as JSON too: one in MessagePack, as the protocol's specification
# describes it, is an error, and the client closes the connection and gives up a message that had arrived. And an
# error value in a record, which MessagePack mode refuses with a reason, arrives as an empty object.
#
# Seen:
#   json, acknowledged in JSON: ["shop",1700000000,{"cause":{}},{"chunk":"..."}], sent
#   json, acknowledged in MessagePack: ["shop",1700000000,{"cause":{}},{"chunk":"..."}], failed
#   msgpack: nothing arrived, refused
set -euo pipefail
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
cd "$tmp"
export GOPATH="$tmp/go" GOFLAGS=-mod=mod GOTOOLCHAIN=local
go mod init finding 2>/dev/null
go get github.com/fluent/fluent-logger-golang@v1.10.2 2>/dev/null

cat > main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"time"

	"github.com/fluent/fluent-logger-golang/fluent"
)

var chunk = regexp.MustCompile(`"chunk":"([^"]+)"`)

// post sends one record, answers it with ack, and returns what arrived and what the client says.
func post(asJSON bool, ack func(id string) string) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	arrived := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buffer := make([]byte, 4096)
		n, _ := conn.Read(buffer)
		text := string(buffer[:n])
		if found := chunk.FindStringSubmatch(text); found != nil {
			conn.Write([]byte(ack(found[1])))
		}
		arrived <- chunk.ReplaceAllString(text, `"chunk":"..."`)
		conn.Read(buffer)
	}()
	logger, err := fluent.New(fluent.Config{
		FluentHost: "127.0.0.1", FluentPort: listener.Addr().(*net.TCPAddr).Port, MarshalAsJSON: asJSON,
		SubSecondPrecision: true, RequestAck: true, MaxRetry: 1, ReadTimeout: 5 * time.Second,
	})
	if err != nil {
		return "", err
	}
	record := map[string]interface{}{"cause": errors.New("card declined")}
	err = logger.PostWithTime("shop", time.Unix(1700000000, 500000000), record)
	logger.Close()
	select {
	case text := <-arrived:
		if text != "" {
			return text, err
		}
	case <-time.After(time.Second):
	}
	return "nothing arrived", err
}

func main() {
	inJSON := func(id string) string { return fmt.Sprintf(`{"ack":%q}`, id) }
	inMessagePack := func(id string) string { return "\x81\xa3ack\xd9" + string([]byte{byte(len(id))}) + id }
	word := map[bool]string{true: "sent", false: "failed"}
	text, err := post(true, inJSON)
	fmt.Printf("json, acknowledged in JSON: %s, %s\n", text, word[err == nil])
	text, err = post(true, inMessagePack)
	fmt.Printf("json, acknowledged in MessagePack: %s, %s\n", text, word[err == nil])
	text, err = post(false, inMessagePack)
	word[false] = "refused"
	fmt.Printf("msgpack: %s, %s\n", text, word[err == nil])
}
GO
go run . 2>log | tee out
diff out - <<'EXPECTED'
json, acknowledged in JSON: ["shop",1700000000,{"cause":{}},{"chunk":"..."}], sent
json, acknowledged in MessagePack: ["shop",1700000000,{"cause":{}},{"chunk":"..."}], failed
msgpack: nothing arrived, refused
EXPECTED
