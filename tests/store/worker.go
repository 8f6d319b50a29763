// A worker in Go, as worker.c is one in C.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	ssecast "github.com/ssecast/ssecast/bindings/go"
)

func main() {
	hub, err := ssecast.NewHub(ssecast.Config{Store: os.Args[1]})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	all := hub.Handler("news")
	all.Replay = ssecast.ReplayAll
	http.Handle("/", hub.Handler("news"))
	http.Handle("/all", all)
	go http.Serve(listener, nil)
	fmt.Printf("http://%s/\n", listener.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if lines.Text() == "!end" {
			if err := hub.EndTopic("news"); err != nil {
				log.Fatal(err)
			}
			fmt.Println("ended")
			continue
		}
		published, err := hub.Publish("news", ssecast.Event{Type: "said", Data: lines.Bytes()})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(published.ID)
	}
}
