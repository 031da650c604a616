package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/apgarhq/apgar/slo"
	"github.com/apgarhq/apgar/store/redisstore/codec"
)

// schema is the version of the manifest and of what it leads to. A store that
// a later version has written is neither read nor written.
const schema = 1

// headShard stands beside the shards of services: it holds what is common.
const headShard = -1

// manifest is one generation as the store has it: everything that exists.
type manifest struct {
	incarnation string
	generation  uint64
	epoch       uint64
	tick        time.Time
	committedAt time.Time // by the clock of Redis
	lastChange  uint64
	body        body
}

// body are the names of the objects of a generation, and what its scorecards
// have in common. It is stored as sealed JSON.
type body struct {
	Interval    time.Duration      `json:"interval_ns"`
	EvaluatedAt time.Time          `json:"evaluated_at"`
	Environment string             `json:"environment,omitempty"`
	Catalog     string             `json:"catalog,omitempty"`
	Rubrics     string             `json:"rubrics,omitempty"`
	Sources     string             `json:"sources,omitempty"`
	Cards       [slo.Shards]string `json:"cards"`
	Roots       [slo.Shards]string `json:"roots"`
}

func (b *body) common(tick time.Time) codec.Common {
	return codec.Common{Tick: tick, EvaluatedAt: b.EvaluatedAt, Environment: b.Environment}
}

// headNames are the names of the objects of the head shard.
func (b *body) headNames() []string { return []string{b.Catalog, b.Rubrics, b.Sources} }

// root lists the objects of one shard that are not needed to show its
// scorecards. It is an object itself, stored as sealed JSON.
type root struct {
	States  string            `json:"states,omitempty"`
	History []historyRef      `json:"history,omitempty"`
	Ledger  map[string]string `json:"ledger,omitempty"` // page → name of its object
}

// historyRef names the history of a shard in one block of time.
type historyRef struct {
	Tier   int    `json:"tier"`
	End    int64  `json:"end"` // Unix seconds: the block is (End - its length, End]
	Object string `json:"object"`
}

// names are those of all objects that a root leads to.
func (r *root) names() []string {
	names := make([]string, 0, 1+len(r.History)+len(r.Ledger))
	if r.States != "" {
		names = append(names, r.States)
	}
	for _, h := range r.History {
		names = append(names, h.Object)
	}
	for _, name := range r.Ledger {
		names = append(names, name)
	}
	return names
}

// errNoManifest says that the store is empty.
var errNoManifest = errors.New("the store has no manifest")

// manifestFields are the fields of the manifest, in the order of readManifest.
func manifestFields() []string {
	return []string{"schema", "incarnation", "generation", "epoch", "tick", "committed_at", "last_change", "body"}
}

// readManifest returns the newest manifest; errNoManifest, codec.ErrCorrupt and
// *codec.FutureError say what may be wrong with it.
func (s *Store) readManifest(ctx context.Context) (*manifest, error) {
	values, err := s.client.HMGet(ctx, s.keys.manifest(), manifestFields()...).Result()
	if isWrongType(err) {
		return nil, fmt.Errorf("read %s: it is no hash: %w", s.keys.manifest(), codec.ErrCorrupt)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.keys.manifest(), err)
	}
	m, err := s.parseManifest(values)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.keys.manifest(), err)
	}
	return m, nil
}

func (s *Store) parseManifest(values []any) (*manifest, error) {
	texts := make([]string, len(manifestFields()))
	present := 0
	for i := range texts {
		if i < len(values) && values[i] != nil {
			texts[i], _ = values[i].(string)
			present++
		}
	}
	if present == 0 {
		return nil, errNoManifest
	}
	numbers := make([]uint64, len(texts))
	for _, i := range []int{0, 2, 3, 4, 5, 6} {
		n, err := strconv.ParseUint(texts[i], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("its field %s is no number: %w", manifestFields()[i], codec.ErrCorrupt)
		}
		numbers[i] = n
	}
	if numbers[0] > schema {
		return nil, &codec.FutureError{Version: int(numbers[0])}
	}
	m := &manifest{
		incarnation: texts[1], generation: numbers[2], epoch: numbers[3], lastChange: numbers[6],
		tick: fromMicros(numbers[4]), committedAt: fromMicros(numbers[5]),
	}
	if m.incarnation == "" || m.generation == 0 {
		return nil, fmt.Errorf("it names no generation: %w", codec.ErrCorrupt)
	}
	payload, err := s.codec.Open("", []byte(texts[7]))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(payload, &m.body); err != nil {
		return nil, fmt.Errorf("its body is no JSON: %w", codec.ErrCorrupt)
	}
	return m, nil
}

func fromMicros(us uint64) time.Time { return time.UnixMicro(int64(us)).UTC() }

// isWrongType reports that a key of ours holds something else.
func isWrongType(err error) bool { return redis.HasErrorPrefix(err, "WRONGTYPE") }
