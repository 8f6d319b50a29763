// A whole server: every client of http://127.0.0.1:3000/stream gets the seconds since it started. The argument is another port.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	ssecast "github.com/ssecast/ssecast/bindings/go"
)

func main() {
	port := "3000"
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	hub, err := ssecast.NewHub(ssecast.Config{})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/stream", hub.Handler("ticks"))
	go func() { log.Fatal(http.Serve(listener, nil)) }()
	fmt.Printf("http://%s/stream\n", listener.Addr())
	for now := 0; ; now++ {
		if _, err := hub.Publish("ticks", ssecast.Event{Type: "tick", Data: []byte(strconv.Itoa(now))}); err != nil {
			log.Fatal(err)
		}
		time.Sleep(time.Second)
	}
}
