// A server and a client of Go's net/http in two processes: web serve, web fetch.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	if os.Args[1] == "serve" {
		http.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(20 * time.Second):
			case <-r.Context().Done():
			}
			fmt.Fprintln(w, "zoo")
		})
		http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "zoo") })
		server := http.Server{Addr: "127.0.0.1:8801", IdleTimeout: 12 * time.Second}
		panic(server.ListenAndServe())
	}
	for turn := 0; ; turn++ {
		for _, port := range []int{8801, 8001, 8301, 8601} {
			answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
			if err == nil {
				io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
		}
		time.Sleep(time.Duration(1+turn%20) * time.Second)
	}
}
