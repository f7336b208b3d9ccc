// S2: the response's body is neither read nor closed.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	client := http.Client{Timeout: 60 * time.Second}
	kept := []*http.Response{}
	for i := 0; i < 3; i++ {
		response, err := client.Get("http://127.0.0.1:" + os.Args[1] + "/")
		if err != nil {
			panic(err)
		}
		kept = append(kept, response)
	}
	fmt.Println(`{"did":"stuck"}`)
	io.ReadAll(os.Stdin)
	fmt.Println(len(kept))
}
