// S7: an exporter never closes its scrapers' connections until there are no descriptors left to accept with.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

func main() {
	listener, _ := net.Listen("tcp4", "127.0.0.1:0")
	port := listener.Addr().(*net.TCPAddr).Port
	kept := []net.Conn{}
	fmt.Printf("{\"did\":\"listening\",\"pid\":%d,\"port\":%d}\n", os.Getpid(), port)
	for len(kept) < 3 {
		conn, _ := listener.Accept()
		io.ReadAll(conn)
		kept = append(kept, conn)
	}
	// From here on the limit is reached: accept answers EMFILE.
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: 3})
	go func() {
		_, err := listener.Accept()
		fmt.Printf("{\"did\":\"%v\"}\n", err)
	}()
	fmt.Println(`{"did":"stuck"}`)
	io.ReadAll(os.Stdin)
	kept[0].Close()
}
