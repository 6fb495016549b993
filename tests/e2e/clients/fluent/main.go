// Logs with fluent-logger-golang, which Docker's fluentd driver sends with. Reads what to do from standard input.
package main

import (
	"encoding/json"
	"log"
	"os"

	"github.com/fluent/fluent-logger-golang/fluent"
)

type job struct {
	Host string `json:"host"`
	Port int    `json:"port"`
	Text string `json:"text"`
	Mode string `json:"mode"`
}

func main() {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		log.Fatal(err)
	}
	logger, err := fluent.New(fluent.Config{
		FluentHost: j.Host, FluentPort: j.Port, RequestAck: true, MarshalAsJSON: j.Mode == "json",
		SubSecondPrecision: j.Mode != "json",
	})
	if err != nil {
		log.Fatal(err)
	}
	records := []map[string]interface{}{
		{"message": j.Text, "level": "error", "order": 17},
		{"container_id": "c0ffee", "container_name": "/web", "source": "stdout", "log": `{"level":"info","msg":"printed"}`},
	}
	for _, record := range records {
		if err := logger.Post("shop.orders", record); err != nil {
			log.Fatal(err)
		}
	}
	if err := logger.Close(); err != nil {
		log.Fatal(err)
	}
}
