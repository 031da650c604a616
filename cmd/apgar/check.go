package main

import "github.com/apgarhq/apgar/internal/app"

type checkCommand struct {
	Config  checkConfigCommand  `cmd:"" help:"Check apgar.yml and all that it names."`
	Rubrics checkRubricsCommand `cmd:"" help:"Check rubric files, or the embedded packs when none is given; print the burn tables in effect."`
	Catalog checkCatalogCommand `cmd:"" help:"Check catalog files, folders or globs."`
}

type checkConfigCommand struct {
	Files  []string `arg:"" optional:"" name:"file" help:"Configuration files; apgar.yml when none is given."`
	Online bool     `help:"Also ask the sources: which metrics and bounds exist, whom the rows name, what it costs."`
}

// Run checks and prints.
func (c *checkConfigCommand) Run(p *process) error {
	if len(c.Files) == 0 {
		c.Files = []string{"apgar.yml"}
	}
	return app.CheckConfig(p.ctx, app.CheckOptions{Files: c.Files, Online: c.Online, Logger: p.log, Out: p.out})
}

type checkRubricsCommand struct {
	Files      []string `arg:"" optional:"" name:"file" help:"Rubric files; the embedded packs when none is given."`
	ConfigFile string   `name:"config.file" help:"Configuration whose identities the rubrics use, and whose sources --online asks." type:"path"`
	Online     bool     `help:"Also ask the sources: which metrics and bounds exist, whom the rows name, what it costs."`
}

// Run checks and prints.
func (c *checkRubricsCommand) Run(p *process) error {
	return app.CheckRubrics(p.ctx, app.CheckOptions{ConfigFile: c.ConfigFile, Files: c.Files, Online: c.Online, Logger: p.log, Out: p.out})
}

type checkCatalogCommand struct {
	Files []string `arg:"" name:"file" help:"Catalog files, folders or globs."`
}

// Run checks and prints.
func (c *checkCatalogCommand) Run(p *process) error {
	return app.CheckCatalog(app.CheckOptions{Files: c.Files, Out: p.out})
}
