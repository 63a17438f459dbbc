// An S3 server in memory for tests (gofakes3), with one bucket: prints its address, then serves until it is ended.
// `gofakes3 PORT BUCKET`; port 0 = a free one.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	backend := s3mem.New()
	must(backend.CreateBucket(os.Args[2]))
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	must(err)
	fmt.Println(listener.Addr())
	must(http.Serve(listener, gofakes3.New(backend).Server()))
}
