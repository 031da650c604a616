package main

import "github.com/apgarhq/apgar/internal/app"

type webFlags struct {
	ListenAddress string `default:":8484" help:"Address to listen on."`
	ConfigFile    string `name:"config.file" help:"File with TLS and basic auth, as the exporter-toolkit of Prometheus has it." type:"path"`
}

func (f webFlags) options() app.Web {
	return app.Web{ListenAddress: f.ListenAddress, ConfigFile: f.ConfigFile}
}

type serveCommand struct {
	ConfigFile string   `name:"config.file" default:"apgar.yml" help:"Configuration file." type:"path"`
	Target     string   `default:"all" enum:"all,gather,grade,api" help:"What to run: all, or api, which only serves what others commit to Redis. (gather and grade are not available yet.)"`
	Web        webFlags `embed:"" prefix:"web."`
}

// Run runs the service until a signal other than SIGHUP ends it.
func (c *serveCommand) Run(p *process) error {
	reloads, stop := hangups()
	defer stop()
	return app.Serve(p.ctx, app.ServeOptions{
		ConfigFile: c.ConfigFile, Target: c.Target, Web: c.Web.options(), Logger: p.log, Hangups: reloads,
	})
}
