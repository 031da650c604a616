package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Connection says where Redis is and how to get in.
type Connection struct {
	Addresses      []string // host:port; of the nodes, or of the sentinels
	SentinelMaster string   // "" when there are no sentinels
	Cluster        bool
	Username       string
	// Password is asked for at every new connection, so that a new one needs no
	// restart; nil for none.
	Password func() (string, error)
	TLS      *tls.Config // nil: none
}

// How long Redis may take. A context with less time left stands before all of
// these.
const (
	dialTimeout  = 500 * time.Millisecond
	wireTimeout  = 5 * time.Second
	poolTimeout  = time.Second
	reloadPeriod = time.Second // of a cluster's topology
	// nodeTimeout is wireTimeout in a cluster, where the library asks one node
	// after the other what the topology is, and may begin with one that hangs.
	nodeTimeout = time.Second
	failingMark = 2 // seconds that a node of a cluster is avoided for
)

// connect prepares a client; it dials nothing yet. The defaults of the library
// are changed where they have been seen to hurt: contexts are honoured while a
// command is on the wire, dials are not repeated behind the caller's back, and
// a cluster that lost a master is looked at anew within seconds.
func connect(c Connection) (redis.UniversalClient, error) {
	if len(c.Addresses) == 0 {
		return nil, errors.New("connect to redis: there is no address")
	}
	o := &redis.UniversalOptions{
		Addrs: c.Addresses, MasterName: c.SentinelMaster, IsClusterMode: c.Cluster,
		ClientName: "apgar", Protocol: 3, TLSConfig: c.TLS,
		CredentialsProviderContext: c.credentials(),
		ContextTimeoutEnabled:      true,
		MaxRetries:                 1, MinRetryBackoff: 10 * time.Millisecond, MaxRetryBackoff: 100 * time.Millisecond,
		DialTimeout: dialTimeout, DialerRetries: 1,
		ReadTimeout: wireTimeout, WriteTimeout: wireTimeout,
		PoolSize: 10, PoolTimeout: poolTimeout, PipelinePoolSize: 4,
		ConnMaxIdleTime:          5 * time.Minute,
		DisableIdentity:          true, // some managed servers refuse CLIENT SETINFO
		FailingTimeoutSeconds:    failingMark,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	switch {
	case c.Cluster:
		cluster := o.Cluster()
		cluster.ClusterStateReloadInterval = reloadPeriod
		cluster.ReadTimeout, cluster.WriteTimeout = nodeTimeout, nodeTimeout
		return redis.NewClusterClient(cluster), nil
	case c.SentinelMaster != "":
		return redis.NewFailoverClient(o.Failover()), nil
	}
	return redis.NewClient(o.Simple()), nil
}

// credentials is nil where there is nothing to log in with.
func (c Connection) credentials() func(context.Context) (string, string, error) {
	if c.Password == nil {
		return nil
	}
	return func(context.Context) (string, string, error) {
		password, err := c.Password()
		if err != nil {
			return "", "", fmt.Errorf("%w: %w", errNoPassword, err)
		}
		return c.Username, password, nil
	}
}

// RouteLogs sends what the Redis library has to say to a logger, instead of to
// standard error. The library has one logger for the process: call it once.
func RouteLogs(logger *slog.Logger) { redis.SetLogger(libraryLog{logger}) }

type libraryLog struct{ logger *slog.Logger }

// Printf logs a message of the library: it tells of failovers and of
// connections lost, which are errors to those who asked for something and are
// told there.
func (l libraryLog) Printf(ctx context.Context, format string, args ...any) {
	l.logger.DebugContext(ctx, "redis client: "+fmt.Sprintf(format, args...))
}
