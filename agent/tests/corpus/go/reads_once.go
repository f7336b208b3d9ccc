// S3: one Read takes the last data and the FIN; the goroutine then parks and never asks again.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

func main() {
	listener, _ := net.Listen("tcp4", "127.0.0.1:0")
	fmt.Printf("{\"did\":\"listening\",\"pid\":%d,\"port\":%d}\n", os.Getpid(), listener.Addr().(*net.TCPAddr).Port)
	conn, _ := listener.Accept()
	time.Sleep(500 * time.Millisecond) // by now all of it has come
	conn.Read(make([]byte, 4096))
	fmt.Println(`{"did":"stuck"}`)
	io.ReadAll(os.Stdin)
	conn.Close()
}
