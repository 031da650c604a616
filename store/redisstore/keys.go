package redisstore

import (
	"fmt"
	"strconv"
	"strings"
)

// keys builds the names of all keys. Those of one hash tag lie on one node of
// a cluster, so that one script may touch them: the lease, the manifest and
// the changes are together; each shard is for itself.
type keys struct{ prefix string }

func (k keys) lease() string    { return "{" + k.prefix + "}:lease" }
func (k keys) manifest() string { return "{" + k.prefix + "}:manifest" }
func (k keys) events() string   { return "{" + k.prefix + "}:events" }

// objects is the hash that holds the objects of a shard; headShard is that of
// the catalog, the rubrics and the sources.
func (k keys) objects(shard int) string {
	if shard == headShard {
		return "{" + k.prefix + ".head}:objects"
	}
	return fmt.Sprintf("{%s.%02d}:objects", k.prefix, shard)
}

// kind says what an object holds. It is the beginning of its name.
type kind string

const (
	kindCards   kind = "cards"
	kindStates  kind = "states"
	kindRoot    kind = "root"
	kindHistory kind = "history"
	kindPage    kind = "ledger"
	kindCatalog kind = "catalog"
	kindRubrics kind = "rubrics"
	kindSources kind = "sources"
)

// writer is who names objects: one commit under one lease.
type writer struct {
	epoch  uint64
	commit string
}

// name names an object by its content and by its writer:
// "cards/9f2c…/1a2b-3c4d". No other commit gives the same name, so what is
// deleted late, by a writer that was paused or by a command that was long on
// its way, was never written by anybody since.
func (w writer) name(k kind, hash string) string {
	return string(k) + "/" + hash + "/" + strconv.FormatUint(w.epoch, 36) + "-" + w.commit[:min(8, len(w.commit))]
}

// epochIn returns the epoch in an object's name; 0 where it has none.
func epochIn(name string) uint64 {
	text, _, _ := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], "-")
	epoch, err := strconv.ParseUint(text, 36, 64)
	if err != nil {
		return 0
	}
	return epoch
}

// hashIn returns the hash in an object's name, or "".
func hashIn(name string) string {
	_, rest, _ := strings.Cut(name, "/")
	hash, _, _ := strings.Cut(rest, "/")
	return hash
}

// kindIn returns the kind in an object's name.
func kindIn(name string) kind {
	k, _, _ := strings.Cut(name, "/")
	return kind(k)
}
