#!/usr/bin/env bash
# go.opentelemetry.io/contrib/bridges/otelslog 0.21.0, with go.opentelemetry.io/otel/sdk/log 1.47.0: log/slog into OpenTelemetry.
#
# An error among the attributes loses its name and becomes exception.message and exception.type, of which a record has one each: of two
# errors only the last arrives. The type is that of the innermost error, beside the text of the outermost. Only in a group of values does
# an error stay what it is. Levels are added up, so that slog.Level(100) has the severity 109 and slog.Level(-20) has -11, where the protocol
# knows 1 to 24. A net.IP, which slog prints as 192.0.2.1, is a list of sixteen numbers.
#
# Seen: body, severity number, attributes
#   two errors 17: exception.message=rollback: lost exception.type=*errors.errorString
#   in a group 17: exception.message=refused exception.type=*errors.errorString
#   in a group of values 17: g={"error":"refused"}
#   with 17: exception.message=refused exception.type=*errors.errorString
#   level 109:
#   level -11:
#   ip 9: ip=[0,0,0,0,0,0,0,0,0,0,255,255,192,0,2,1]
set -euo pipefail
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
cd "$tmp"
cat > go.mod <<'MOD'
module seen

go 1.25
MOD
go get go.opentelemetry.io/contrib/bridges/otelslog@v0.21.0 go.opentelemetry.io/otel/sdk/log@v1.47.0 2> /dev/null

cat > main.go <<'GO'
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/log"
)

type printer struct{}

func (printer) Export(_ context.Context, records []log.Record) error {
	for _, record := range records {
		fmt.Printf("%v %d:", record.Body(), record.Severity())
		record.WalkAttributes(func(a attribute.KeyValue) bool {
			fmt.Printf(" %s=%v", a.Key, a.Value.String())
			return true
		})
		fmt.Println()
	}
	return nil
}
func (printer) Shutdown(context.Context) error   { return nil }
func (printer) ForceFlush(context.Context) error { return nil }

func main() {
	provider := log.NewLoggerProvider(log.WithProcessor(log.NewSimpleProcessor(printer{})))
	logger := slog.New(otelslog.NewHandler("shop", otelslog.WithLoggerProvider(provider)))
	refused := errors.New("refused")
	rollback := fmt.Errorf("rollback: %w", errors.New("lost"))
	logger.Error("two errors", "error", refused, "rollback", rollback)
	logger.WithGroup("g").Error("in a group", "error", refused)
	logger.Error("in a group of values", slog.Group("g", "error", refused))
	logger.With("error", refused).Error("with")
	logger.Log(context.Background(), slog.Level(100), "level")
	logger.Log(context.Background(), slog.Level(-20), "level")
	logger.Info("ip", "ip", net.ParseIP("192.0.2.1"))
}
GO
go run . > out
cat out
diff out - <<'SEEN'
two errors 17: exception.message=rollback: lost exception.type=*errors.errorString
in a group 17: exception.message=refused exception.type=*errors.errorString
in a group of values 17: g={"error":"refused"}
with 17: exception.message=refused exception.type=*errors.errorString
level 109:
level -11:
ip 9: ip=[0,0,0,0,0,0,0,0,0,0,255,255,192,0,2,1]
SEEN
