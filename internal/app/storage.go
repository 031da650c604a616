package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	promconfig "github.com/prometheus/common/config"

	"github.com/apgarhq/apgar/api"
	"github.com/apgarhq/apgar/collector"
	"github.com/apgarhq/apgar/internal/config"
	"github.com/apgarhq/apgar/store/memstore"
	"github.com/apgarhq/apgar/store/redisstore"
)

// storage is what the parts of a service ask of a store.
type storage interface {
	collector.Store
	api.History
	api.Changes
}

// openStore is the store of a service: in Redis, or in the memory of the
// process.
type openStore struct {
	storage
	redis *redisstore.Store // nil: in memory
}

// newStore prepares the store that a configuration asks for. One in Redis need
// not answer yet.
func newStore(cfg *config.Config, reg prometheus.Registerer, log *slog.Logger) (*openStore, error) {
	if cfg.Redis == nil {
		log.Info("no redis is configured: scorecards, history and the ledger are kept in memory and end with the process")
		return &openStore{storage: memstore.New(memstore.Options{})}, nil
	}
	connection, err := connectionOf(cfg.Redis)
	if err != nil {
		return nil, fmt.Errorf("%s: preparing redis: %w", cfg.Path, err)
	}
	redisstore.RouteLogs(log)
	s, err := redisstore.New(redisstore.Options{
		Connection: connection, KeyPrefix: cfg.Redis.KeyPrefix, Registerer: reg, Logger: log,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: preparing redis: %w", cfg.Path, err)
	}
	return &openStore{storage: s, redis: s}, nil
}

func connectionOf(r *config.Redis) (redisstore.Connection, error) {
	c := redisstore.Connection{
		Addresses: r.Addresses, SentinelMaster: r.SentinelMaster, Cluster: r.Cluster, Username: r.Username,
	}
	if r.PasswordFile != "" {
		if _, err := readPassword(r.PasswordFile); err != nil {
			return c, err
		}
		c.Password = func() (string, error) { return readPassword(r.PasswordFile) }
	}
	if r.TLS != nil {
		tls, err := promconfig.NewTLSConfig(r.TLS)
		if err != nil {
			return c, fmt.Errorf("tls_config: %w", err)
		}
		c.TLS = tls
	}
	return c, nil
}

// readPassword reads a secret from a file, without the end of its line. The
// error does not hold what the file holds.
func readPassword(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading password_file: %w", err)
	}
	password := strings.TrimRight(string(data), "\r\n")
	if password == "" {
		return "", errors.New("reading password_file: " + path + " is empty: write the password into it, or leave password_file out")
	}
	return password, nil
}

// run follows what others commit, until ctx ends.
func (s *openStore) run(ctx context.Context) error {
	if s.redis == nil {
		<-ctx.Done()
		return nil
	}
	return s.redis.Run(ctx)
}

// volatile reports whether the store ends with the process.
func (s *openStore) volatile() bool { return s.redis == nil }

// answering reports whether the store has answered lately. One in memory
// always does.
func (s *openStore) answering(now time.Time) bool {
	return s.redis == nil || now.Sub(s.redis.LastAnswer()) < maxSilence
}

// maxSilence is how long a store that is asked every second may not answer
// until what is served is called stale: ten seconds after it went away at the
// latest, so a second less than that after its last answer.
const maxSilence = 9 * time.Second

func (s *openStore) close() error {
	if s.redis == nil {
		return nil
	}
	return s.redis.Close()
}
