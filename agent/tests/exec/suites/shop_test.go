// A test suite as people write them: a server and a client. LEAK=1 plants a leak in the server.
package shop

import (
	"io"
	"net"
	"os"
	"testing"
	"time"
)

var kept []net.Conn

func serve(listener net.Listener, done chan<- bool) {
	connection, err := listener.Accept()
	if err != nil {
		return
	}
	connection.Write([]byte("hello"))
	if os.Getenv("LEAK") == "1" {
		kept = append(kept, connection) // forgets it
	} else {
		io.Copy(io.Discard, connection)
		connection.Close()
	}
	done <- true
}

func TestGreets(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	done := make(chan bool)
	go serve(listener, done)
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(client, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	client.Close()
	<-done
}

func TestTakesItsTime(t *testing.T) {
	time.Sleep(2 * time.Second)
}
