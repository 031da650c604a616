package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/api/internal/fixture"
	"github.com/prometheus/client_golang/prometheus"
)

func main() {
	n := flag.Int("n", 60, "")
	addr := flag.String("addr", "127.0.0.1:18484", "")
	stale := flag.Bool("stale", false, "")
	flag.Parse()
	reg := prometheus.NewRegistry()
	r := &fixture.Reader{}
	if *n > 0 {
		r.Set(fixture.Fleet(*n), *stale)
	}
	s, err := api.New(api.Options{
		Reader: r, History: &fixture.History{}, Gatherer: reg, Registerer: reg, ScorecardMetrics: http.NotFoundHandler(), Version: "0.1.0",
		Links: []api.Link{{Title: "Prometheus eu-west", URL: "http://127.0.0.1:8485/eu-west"}, {Title: "us-east", URL: "http://127.0.0.1:8485/us-east"}},
	})
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		panic(err)
	}
	fmt.Println("listening")
	panic(api.HTTPServer(s.Handler()).Serve(l))
}
