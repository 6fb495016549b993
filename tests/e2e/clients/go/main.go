// Logs the same messages with go-gelf v2. Reads what to do as JSON from standard input.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"gopkg.in/Graylog2/go-gelf.v2/gelf"
)

type job struct {
	Transport string `json:"transport"`
	Host      string `json:"host"`
	Port      int    `json:"port"`
	Compress  string `json:"compress"`
	Text      string `json:"text"`
	Large     string `json:"large"`
	Exact     int    `json:"exact"`
}

func main() {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		log.Fatal(err)
	}
	w, err := open(j)
	if err != nil {
		log.Fatal(err)
	}
	messages := []*gelf.Message{
		{
			Short: j.Text, Full: j.Text + "\nmore", Level: gelf.LOG_WARNING, Facility: "e2e",
			Extra: map[string]interface{}{"_order": "A-17", "_count": 42, "_ratio": 0.5, "_flag": true, "C": 9},
		},
		{Short: "emergency", Level: gelf.LOG_EMERG}, // its level is omitted
		{Short: j.Large, Level: gelf.LOG_INFO},
	}
	for _, m := range messages {
		m.Version, m.Host, m.TimeUnix = "1.1", "go-host", float64(time.Now().UnixNano())/1e9
		if err := w.WriteMessage(m); err != nil {
			log.Fatal(err)
		}
	}
	if j.Exact > 0 {
		if err := w.WriteMessage(exactly(j.Exact)); err != nil {
			log.Fatal(err)
		}
	}
	// As the log package's writer, the way most programs use it.
	logger := log.New(w, "", 0)
	logger.Print("first line\nsecond line")
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
}

func open(j job) (gelf.Writer, error) {
	address := fmt.Sprintf("%s:%d", j.Host, j.Port)
	if j.Transport == "tcp" {
		return gelf.NewTCPWriter(address)
	}
	w, err := gelf.NewUDPWriter(address)
	if err == nil && j.Compress == "none" {
		w.CompressionType = gelf.CompressNone
	} else if err == nil && j.Compress == "zlib" {
		w.CompressionType = gelf.CompressZlib
	}
	return w, err
}

// exactly makes a message whose JSON has so many bytes: a multiple of 1408 makes go-gelf send an empty last chunk.
func exactly(size int) *gelf.Message {
	m := &gelf.Message{Version: "1.1", Host: "go-host", Short: "x", TimeUnix: float64(time.Now().Unix()), Level: 6}
	for {
		data, err := json.Marshal(m)
		if err != nil {
			log.Fatal(err)
		}
		if len(data) >= size {
			return m
		}
		for i := len(data); i < size; i++ {
			m.Short += "x"
		}
	}
}
