// Control: net/http's own pool: an idle connection that the server closes is closed at once.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	for i := 0; i < 2; i++ {
		response, err := http.Get("http://127.0.0.1:" + os.Args[1] + "/")
		if err != nil {
			panic(err)
		}
		io.ReadAll(response.Body)
		response.Body.Close()
		http.DefaultClient.CloseIdleConnections()
	}
	response, err := http.Get("http://127.0.0.1:" + os.Args[1] + "/")
	if err == nil {
		io.ReadAll(response.Body)
		response.Body.Close()
	}
	fmt.Println(`{"did":"ready"}`)
	io.ReadAll(os.Stdin)
}
