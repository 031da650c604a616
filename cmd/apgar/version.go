package main

import (
	"fmt"

	"github.com/apgarhq/apgar/internal/app"
)

type versionCommand struct{}

// Run prints the version, the way the Prometheus family does.
func (c *versionCommand) Run(p *process) error {
	_, err := fmt.Fprintln(p.out, app.Version())
	return err
}
