// Control: requests whose FIN comes within the burst; the server reads to the end and closes.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
)

func main() {
	listener, _ := net.Listen("tcp4", "127.0.0.1:0")
	fmt.Printf("{\"did\":\"listening\",\"pid\":%d,\"port\":%d}\n", os.Getpid(), listener.Addr().(*net.TCPAddr).Port)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				io.Copy(io.Discard, conn)
				conn.Close()
			}()
		}
	}()
	io.ReadAll(os.Stdin)
}
