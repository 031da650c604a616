package redisstore

import (
	"errors"
	"log/slog"
	"slices"

	"github.com/apgarhq/apgar/store/redisstore/codec"
)

// loss is an object that a manifest leads to and that cannot be had.
type loss struct {
	want
	page string // its name, where it is a page of the ledger
	err  error  // a *missingError or codec.ErrCorrupt
}

type losses []loss

// missing reports whether any of them is gone, rather than damaged: that is
// what becomes of a generation that others have followed.
func (l losses) missing() bool {
	for _, x := range l {
		if isMissing(x.err) {
			return true
		}
	}
	return false
}

// of reports whether anything of a shard is among them.
func (l losses) of(shard int) bool {
	return slices.ContainsFunc(l, func(x loss) bool { return x.shard == shard })
}

func (l losses) log(logger *slog.Logger) {
	for _, x := range l {
		logger.Error("a part of the store is lost, and is done without", "shard", x.shard, "object", x.name, "err", x.err)
	}
}

func isMissing(err error) bool {
	_, missing := errors.AsType[*missingError](err)
	return missing
}

// isLoss reports that what was asked for is gone or damaged, rather than that
// Redis does not answer.
func isLoss(err error) bool { return isMissing(err) || errors.Is(err, codec.ErrCorrupt) }
