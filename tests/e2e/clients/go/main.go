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
	Docker    bool   `json:"docker"`
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
	if j.Docker {
		if err := docker(w, j); err != nil {
			log.Fatal(err)
		}
		if err := w.Close(); err != nil {
			log.Fatal(err)
		}
		return
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

// docker sends what Docker's gelf driver sends of a container's output: lines cut at 16 KiB without any mark, empty ones
// left out, blank ones not; levels by stream; the container's fields as they are, labels with dots and slashes too.
func docker(w gelf.Writer, j job) error {
	extra, err := json.Marshal(map[string]interface{}{
		"_container_id": "4f6c0a7d2b9e", "_container_name": "shop-1", "_image_id": "sha256:0123", "_image_name": "shop:1",
		"_command": "python -m shop", "_tag": "4f6c0a7d2b9e", "_created": "2026-11-23T18:00:00.123456789Z",
		"_io.kubernetes.pod/name": "shop",
	})
	if err != nil {
		return err
	}
	lines := []struct {
		text  string
		level int32
	}{{j.Text, gelf.LOG_INFO}, {"", gelf.LOG_INFO}, {" ", gelf.LOG_INFO}, {"oops", gelf.LOG_ERR}, {j.Large, gelf.LOG_INFO}}
	for _, line := range lines {
		for rest := line.text; len(rest) > 0; {
			piece := rest
			if len(piece) > 16*1024 {
				piece = rest[:16*1024]
			}
			rest = rest[len(piece):]
			m := gelf.Message{
				Version: "1.1", Host: "docker-host", Short: piece, Level: line.level, RawExtra: extra,
				TimeUnix: float64(time.Now().UnixNano()/int64(time.Millisecond)) / 1000.0,
			}
			if err := w.WriteMessage(&m); err != nil {
				return err
			}
		}
	}
	return nil
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
