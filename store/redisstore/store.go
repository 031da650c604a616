package redisstore

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/apgarhq/apgar/store/feed"
	"github.com/apgarhq/apgar/store/redisstore/codec"
)

// The defaults of Options.
const (
	defaultPrefix     = "apgar"
	defaultEventLimit = 10_000
	defaultPoll       = time.Second
	defaultFullSync   = 10 * time.Minute
	defaultMostAhead  = 10 * time.Minute
)

// Options are the settings of a Store.
type Options struct {
	Connection Connection
	// KeyPrefix is what the names of all keys begin with; "" is "apgar".
	KeyPrefix string
	// EventLimit is how many of the newest changes are kept for readers that
	// resume; 0 or less is 10,000.
	EventLimit int
	// Poll is how often Run looks for a new generation; 0 is a second.
	Poll time.Duration
	// FullSync is how often Run fetches everything anew, whether it seems to have
	// changed or not; 0 is 10 minutes.
	FullSync time.Duration
	// MostAhead is how far a tick that is committed may lie ahead of the clock of
	// Redis; 0 is 10 minutes.
	MostAhead  time.Duration
	Registerer prometheus.Registerer // may be nil
	Logger     *slog.Logger          // nil: silent
	Now        func() time.Time      // nil: time.Now; leases and CommittedAt go by the clock of Redis
}

func (o *Options) defaults() {
	if o.KeyPrefix == "" {
		o.KeyPrefix = defaultPrefix
	}
	if o.EventLimit <= 0 {
		o.EventLimit = defaultEventLimit
	}
	if o.Poll <= 0 {
		o.Poll = defaultPoll
	}
	if o.FullSync <= 0 {
		o.FullSync = defaultFullSync
	}
	if o.MostAhead <= 0 {
		o.MostAhead = defaultMostAhead
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Store is a store in Redis. It is safe for concurrent use. Readers are served
// by its Feed, from memory; everything else asks Redis, and takes no longer
// than its context.
type Store struct {
	*feed.Feed
	o       Options
	keys    keys
	client  redis.UniversalClient
	scripts scripts
	codec   *codec.Codec
	metrics *metrics

	answered atomic.Int64 // when Redis answered last, Unix nanoseconds

	committing turn  // one commit at a time; guards base
	base       *base // what commits build upon; nil: to be read from Redis
	owes       owes

	following  turn        // one sync at a time
	doubted    atomic.Bool // the next sync fetches everything
	publishing sync.Mutex  // held for no longer than the swap of view and snapshot
	view       atomic.Pointer[view]

	rootCache  *cache[*root]
	blockCache *cache[*codec.History]
}

// New returns a store over the Redis that o names. It asks Redis nothing yet:
// one that is down is no reason not to start. Close ends it.
func New(o Options) (*Store, error) {
	o.defaults()
	client, err := connect(o.Connection)
	if err != nil {
		return nil, err
	}
	c, err := codec.New()
	if err != nil {
		return nil, fmt.Errorf("prepare the store in redis: %w", err)
	}
	s := &Store{
		Feed: feed.New(o.EventLimit), o: o, keys: keys{o.KeyPrefix},
		client: client, scripts: newScripts(), codec: c,
		committing: newTurn(), following: newTurn(), rootCache: newCache[*root](), blockCache: newCache[*codec.History](),
	}
	s.view.Store(&view{})
	if s.metrics, err = newMetrics(o.Registerer, s); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return s, nil
}

// Close ends the connections. What is under way fails.
func (s *Store) Close() error {
	s.metrics.unregister()
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close the connections to redis: %w", err)
	}
	return nil
}

// LastAnswer is when Redis last did what it was asked; zero before the first
// time. While Run runs, Redis is asked every second.
func (s *Store) LastAnswer() time.Time {
	at := s.answered.Load()
	if at == 0 {
		return time.Time{}
	}
	return time.Unix(0, at)
}

func (s *Store) heard() { s.answered.Store(s.o.Now().UnixNano()) }

// randomID is a name that no other is given, in hex.
func randomID() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}
