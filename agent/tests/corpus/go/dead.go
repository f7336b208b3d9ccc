// S5: the peer has gone without a FIN, the server has no timeout: its answer is sent again and again.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	listener, _ := net.Listen("tcp4", "127.0.0.1:0")
	fmt.Printf("{\"did\":\"listening\",\"pid\":%d,\"port\":%d}\n", os.Getpid(), listener.Addr().(*net.TCPAddr).Port)
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(400 * time.Millisecond) // meanwhile the peer's machine loses its network
		fmt.Fprintln(w, "answer")
		fmt.Println(`{"did":"stuck"}`)
	}))
	io.ReadAll(os.Stdin)
}
