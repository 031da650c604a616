package redisstore

import (
	"fmt"
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

// objectName names an object by its content and by the commit that wrote it:
// "cards/9f2c…/1a2b3c4d". No other commit gives the same name, so what is
// deleted late, by a grader that was paused or by a command that was long on
// its way, was written by nobody since.
func objectName(k kind, hash, commit string) string {
	return string(k) + "/" + hash + "/" + commit[:8]
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
