// S1: a TCP proxy passes its client's half-close on and then waits for a backend that never ends.
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
	front, _ := listener.Accept()
	back, err := net.Dial("tcp4", "127.0.0.1:"+os.Args[1])
	if err != nil {
		panic(err)
	}
	// Through a buffer, as proxies that count or log do: io.Copy alone would splice.
	go io.Copy(struct{ io.Writer }{front}, back)
	io.Copy(struct{ io.Writer }{back}, front)
	back.(*net.TCPConn).CloseWrite()
	fmt.Println(`{"did":"stuck"}`)
	io.ReadAll(os.Stdin)
	front.Close()
	back.Close()
}
