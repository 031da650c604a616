package main

import "github.com/apgarhq/apgar/internal/app"

type schemaCommand struct {
	Name string `arg:"" name:"kind" enum:"config,catalog,rubrics,tests,waivers" help:"Kind of file: config (apgar.yml), catalog, rubrics, tests (of rubrics) or waivers."`
}

// Help says what to do with a schema.
func (c *schemaCommand) Help() string {
	return `Save it beside the files and name it in their first line, for the language
server of VS Code, Neovim and others:

  # yaml-language-server: $schema=schemas/rubrics.json

JetBrains' editors are told in their settings, under JSON Schema Mappings.`
}

// Run prints the schema.
func (c *schemaCommand) Run(p *process) error {
	return app.Schema(c.Name, p.out)
}
