// S4: the handler waits for the application's lock; the request's body stays unread, the client goes.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
)

func main() {
	listener, _ := net.Listen("tcp4", "127.0.0.1:0")
	fmt.Printf("{\"did\":\"listening\",\"pid\":%d,\"port\":%d}\n", os.Getpid(), listener.Addr().(*net.TCPAddr).Port)
	var lock sync.Mutex
	lock.Lock()
	go http.Serve(listener, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		fmt.Println(`{"did":"stuck"}`)
		lock.Lock()
	}))
	io.ReadAll(os.Stdin)
}
