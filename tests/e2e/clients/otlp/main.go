// Logs with OpenTelemetry's SDK for Go. Reads what to do as JSON from standard input.
package main

import (
	"context"
	"encoding/json"
	stdlog "log"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
)

type job struct {
	Form  string `json:"form"`
	Port  int    `json:"port"`
	Text  string `json:"text"`
	Large string `json:"large"`
}

func exporter(ctx context.Context, j job) (sdklog.Exporter, error) {
	endpoint := "127.0.0.1:" + strconv.Itoa(j.Port)
	switch j.Form {
	case "grpc":
		return otlploggrpc.New(ctx, otlploggrpc.WithEndpoint(endpoint), otlploggrpc.WithInsecure())
	case "http-gzip":
		return otlploghttp.New(ctx, otlploghttp.WithEndpoint(endpoint), otlploghttp.WithInsecure(),
			otlploghttp.WithCompression(otlploghttp.GzipCompression))
	}
	return otlploghttp.New(ctx, otlploghttp.WithEndpoint(endpoint), otlploghttp.WithInsecure())
}

func emit(ctx context.Context, logger log.Logger, severity log.Severity, text string, attributes ...attribute.KeyValue) {
	var record log.Record
	record.SetTimestamp(time.Now())
	record.SetSeverity(severity)
	record.SetBody(attribute.StringValue(text))
	record.AddAttributes(attributes...)
	logger.Emit(ctx, record)
}

func main() {
	ctx := context.Background()
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		stdlog.Fatal(err)
	}
	made, err := exporter(ctx, j)
	if err != nil {
		stdlog.Fatal(err)
	}
	provider := sdklog.NewLoggerProvider(
		sdklog.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "shop"), attribute.String("host.name", "web-1"))),
		sdklog.WithProcessor(sdklog.NewBatchProcessor(made)),
	)
	logger := provider.Logger("shop.orders")
	emit(ctx, logger, log.SeverityWarn, j.Text,
		attribute.String("order", "A-17"), attribute.Int("count", 42), attribute.Float64("ratio", 0.5), attribute.Bool("flag", true),
		attribute.Map("deep", attribute.String("er", "x")))
	emit(ctx, logger, log.SeverityError, "order failed", attribute.String("exception.message", "no stock"))
	emit(ctx, logger, log.SeverityDebug, j.Large)
	if err := provider.Shutdown(ctx); err != nil {
		stdlog.Fatal(err)
	}
}
