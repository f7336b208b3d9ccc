// Control: a forward as ssh makes it: one direction has finished, the other goes on.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

func pass(to, from net.Conn, done *sync.WaitGroup) {
	io.Copy(to, from)
	to.(*net.TCPConn).CloseWrite()
	done.Done()
}

func main() {
	listener, _ := net.Listen("tcp4", "127.0.0.1:0")
	fmt.Printf("{\"did\":\"listening\",\"pid\":%d,\"port\":%d}\n", os.Getpid(), listener.Addr().(*net.TCPAddr).Port)
	front, _ := listener.Accept()
	back, _ := net.Dial("tcp4", "127.0.0.1:"+os.Args[1])
	var done sync.WaitGroup
	done.Add(2)
	go pass(back, front, &done)
	go pass(front, back, &done)
	done.Wait()
	front.Close()
	back.Close()
	io.ReadAll(os.Stdin)
}
