package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/apgarhq/apgar/scorecard"
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
	commit      string    // names the commit that it came with
	committedAt time.Time // by the clock of Redis
	body
}

// body is what is known of a generation before it is committed: its number, the
// names of its objects and what its scorecards have in common. It is stored as
// sealed JSON, beside its hash.
type body struct {
	Incarnation string             `json:"incarnation"`
	Generation  uint64             `json:"generation"`
	Epoch       uint64             `json:"epoch"`
	Tick        time.Time          `json:"tick"`
	LastChange  uint64             `json:"last_change"`
	Interval    time.Duration      `json:"interval_ns"`
	EvaluatedAt time.Time          `json:"evaluated_at"`
	Environment string             `json:"environment,omitempty"`
	Catalog     string             `json:"catalog,omitempty"`
	Rubrics     string             `json:"rubrics,omitempty"`
	Sources     string             `json:"sources,omitempty"`
	Cards       [slo.Shards]string `json:"cards"`
	Roots       [slo.Shards]string `json:"roots"`
}

func (b *body) common() codec.Common {
	return codec.Common{Tick: b.Tick, EvaluatedAt: b.EvaluatedAt, Environment: b.Environment}
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

// manifestFields are the fields of the manifest, in the order that parseManifest
// takes them.
func manifestFields() []string { return []string{"schema", "commit", "committed_at", "hash", "body"} }

// readManifest returns the newest manifest; errNoManifest, codec.ErrCorrupt and
// *codec.FutureError say what may be wrong with it.
func (s *Store) readManifest(ctx context.Context) (*manifest, error) {
	values, err := s.client.HMGet(ctx, s.keys.manifest(), manifestFields()...).Result()
	if isWrongType(err) {
		err = fmt.Errorf("it is no hash: %w", codec.ErrCorrupt)
	}
	var m *manifest
	if err == nil {
		m, err = s.parseManifest(texts(values))
	}
	if errors.Is(err, codec.ErrCorrupt) {
		s.metrics.corrupt.WithLabelValues("manifest").Inc()
	}
	return m, wrap(err, "read "+s.keys.manifest())
}

// texts turns the values of a command into text, where nothing is "".
func texts(values []any) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i], _ = v.(string)
	}
	return out
}

func (s *Store) parseManifest(fields []string) (*manifest, error) {
	if strings.Join(fields, "") == "" {
		return nil, errNoManifest
	}
	if len(fields) != len(manifestFields()) {
		return nil, fmt.Errorf("it has %d fields: %w", len(fields), codec.ErrCorrupt)
	}
	version, err := strconv.Atoi(fields[0])
	switch {
	case err != nil:
		return nil, fmt.Errorf("its schema is no number: %w", codec.ErrCorrupt)
	case version > schema:
		return nil, &codec.FutureError{Version: version}
	}
	at, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("its time is no number: %w", codec.ErrCorrupt)
	}
	m := &manifest{commit: fields[1], committedAt: time.UnixMicro(at).UTC()}
	if m.commit == "" || fields[3] == "" {
		return nil, fmt.Errorf("its commit or its hash is missing: %w", codec.ErrCorrupt)
	}
	payload, err := s.codec.Open(fields[3], []byte(fields[4]))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(payload, &m.body); err != nil {
		return nil, fmt.Errorf("its body is no JSON: %w", codec.ErrCorrupt)
	}
	if m.Incarnation == "" || m.Generation == 0 {
		return nil, fmt.Errorf("it names no generation: %w", codec.ErrCorrupt)
	}
	return m, nil
}

// same reports whether both are of one commit.
func (m *manifest) same(other *manifest) bool {
	return m != nil && other != nil && m.commit == other.commit
}

// ahead reports whether m comes after other in the same incarnation.
func (m *manifest) ahead(other *manifest) bool {
	return m.Incarnation == other.Incarnation && m.Generation > other.Generation
}

// follows reports whether nothing of what earlier was is lost in m: it is the
// same, or comes after it. A store without a manifest has lost everything.
func (m *manifest) follows(earlier *manifest) bool {
	return earlier == nil || m != nil && (m.same(earlier) || m.ahead(earlier))
}

// stamp fills in what the store gives to a snapshot.
func (m *manifest) stamp(snap *scorecard.Snapshot) {
	snap.Incarnation, snap.Generation, snap.Epoch = m.Incarnation, m.Generation, m.Epoch
	snap.CommittedAt, snap.LastChange = m.committedAt, m.LastChange
}

// isWrongType reports that a key of ours holds something else.
func isWrongType(err error) bool { return redis.HasErrorPrefix(err, "WRONGTYPE") }
