// Package app wires the rooms together and runs them: it is the only package
// that knows everybody. Each command of the program is one function here that
// takes plain options and returns when its context ends; flags, signals and
// exit codes belong to cmd.
package app

import (
	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/store/memstore"
	"github.com/apgarhq/apgar/store/redisstore"
)

// The ports, and who fills them here.
var (
	_ storage           = (*memstore.Store)(nil)
	_ storage           = (*redisstore.Store)(nil)
	_ gather.Prometheus = (*promapi.Source)(nil)
	_ gather.Replicas   = (*promapi.Source)(nil)
	_ api.Reader        = (*reader)(nil)
)
