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

// objectName names an object by its content and by the epoch of its writer:
// "cards/9f2c…/1a2b". A writer that was paused and comes back may still sweep
// what it knew as garbage; it can never mean what another wrote since, be it
// the same bytes.
func objectName(k kind, hash string, epoch uint64) string {
	return string(k) + "/" + hash + "/" + strconv.FormatUint(epoch, 36)
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
