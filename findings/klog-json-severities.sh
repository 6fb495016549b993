#!/usr/bin/env bash
# k8s.io/component-base 0.37.2 with k8s.io/klog/v2, Go modules: what a Kubernetes component, and whatever else is built on
# them, writes with --logging-format=json.
#
# No record has a severity. Information has a verbosity, "v", and errors have none, which is all that tells them apart:
# an error that was logged without a cause has no "err" either. A warning is written as information, to the letter, so
# what the text form says as W is lost. "ts" is in milliseconds with a fraction.
#
# Seen: times and line numbers replaced
#   InfoS: {"ts":MS.FRACTION,"caller":"shop/main.go:LINE","msg":"pod started","v":0,"pod":"shop/web"}
#   Warning: {"ts":MS.FRACTION,"caller":"shop/main.go:LINE","msg":"disk is nearly full","v":0}
#   Info: {"ts":MS.FRACTION,"caller":"shop/main.go:LINE","msg":"disk is nearly full","v":0}
#   ErrorS with an error: {"ts":MS.FRACTION,"caller":"shop/main.go:LINE","msg":"pod failed","pod":"shop/web","err":"exit 1"}
#   ErrorS with nil: {"ts":MS.FRACTION,"caller":"shop/main.go:LINE","msg":"pod failed","pod":"shop/web"}
#   Error: {"ts":MS.FRACTION,"caller":"shop/main.go:LINE","msg":"disk is full"}
set -euo pipefail
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
mkdir "$tmp/shop"
cd "$tmp/shop"
export GOPATH="$tmp/go" GOFLAGS=-mod=mod GOTOOLCHAIN=local
go mod init shop 2> /dev/null
go get k8s.io/component-base@v0.37.2 2> /dev/null

cat > main.go <<'GO'
package main

import (
	"errors"

	api "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/logs/json/register"
	"k8s.io/klog/v2"
)

func main() {
	configuration := api.NewLoggingConfiguration()
	configuration.Format = api.JSONLogFormat
	if err := api.ValidateAndApply(configuration, nil); err != nil {
		panic(err)
	}
	klog.InfoS("pod started", "pod", "shop/web")
	klog.Warning("disk is nearly full")
	klog.Info("disk is nearly full")
	klog.ErrorS(errors.New("exit 1"), "pod failed", "pod", "shop/web")
	klog.ErrorS(nil, "pod failed", "pod", "shop/web")
	klog.Error("disk is full")
	klog.Flush()
}
GO
go mod tidy 2> /dev/null
go build -o program .
names=("InfoS" "Warning" "Info" "ErrorS with an error" "ErrorS with nil" "Error")
seen=$(./program 2>&1 | sed -E 's/"ts":[0-9]{13}(\.[0-9]+)?/"ts":MS.FRACTION/; s/main\.go:[0-9]+/main.go:LINE/' | {
  i=0
  while IFS= read -r line; do
    echo "${names[$i]}: $line"
    i=$((i + 1))
  done
})
echo "$seen"
expected='InfoS: {"ts":MS.FRACTION,"caller":"shop/main.go:LINE","msg":"pod started","v":0,"pod":"shop/web"}
Warning: {"ts":MS.FRACTION,"caller":"shop/main.go:LINE","msg":"disk is nearly full","v":0}
Info: {"ts":MS.FRACTION,"caller":"shop/main.go:LINE","msg":"disk is nearly full","v":0}
ErrorS with an error: {"ts":MS.FRACTION,"caller":"shop/main.go:LINE","msg":"pod failed","pod":"shop/web","err":"exit 1"}
ErrorS with nil: {"ts":MS.FRACTION,"caller":"shop/main.go:LINE","msg":"pod failed","pod":"shop/web"}
Error: {"ts":MS.FRACTION,"caller":"shop/main.go:LINE","msg":"disk is full"}'
[ "$seen" = "$expected" ] || { echo "changed" >&2; exit 1; }
