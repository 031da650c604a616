package main

import (
	"github.com/apgarhq/apgar/internal/app"
)

type demoCommand struct {
	Services          int    `default:"60" help:"How many services the fleet has, 1 to 5,000."`
	Seed              int64  `default:"1" help:"What the fleet and its incidents are drawn from."`
	ListenAddress     string `name:"web.listen-address" default:"127.0.0.1:8484" help:"Address of the API and the front page."`
	PrometheusAddress string `name:"demo.prometheus-address" default:"127.0.0.1:8485" help:"Address of the Prometheus servers of the demo."`
}

// Run runs the demo until a signal ends it.
func (c *demoCommand) Run(p *process) error {
	return app.Demo(p.ctx, app.DemoOptions{
		Services: c.Services, Seed: c.Seed, PrometheusAddress: c.PrometheusAddress,
		Web: app.Web{ListenAddress: c.ListenAddress}, Logger: p.log, Out: p.out,
	})
}
