package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/apgarhq/apgar/store/redisstore/codec"
)

// class is what kind of trouble an error of Redis is, for metrics.
type class string

const (
	classTimeout   class = "timeout"
	classNetwork   class = "network"
	classAuth      class = "auth"
	classMemory    class = "out_of_memory"
	classDisk      class = "cannot_save"
	classReadOnly  class = "read_only"
	classLoading   class = "loading"
	classCluster   class = "cluster_down"
	classPool      class = "pool_exhausted"
	classWrongType class = "wrong_type"
	classCorrupt   class = "corrupt"
	classFuture    class = "future_schema"
	classCancelled class = "cancelled"
	classOther     class = "other"
)

// errNoPassword says that there is nothing to log in with.
var errNoPassword = errors.New("log in to redis")

// classOf finds out what kind of trouble an error is.
func classOf(err error) class {
	var future *codec.FutureError
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return classCancelled
	case errors.As(err, &future):
		return classFuture
	case errors.Is(err, codec.ErrCorrupt):
		return classCorrupt
	case redis.IsAuthError(err), redis.IsPermissionError(err), errors.Is(err, errNoPassword):
		return classAuth
	case redis.IsOOMError(err):
		return classMemory
	case redis.HasErrorPrefix(err, "MISCONF"):
		return classDisk
	case redis.IsReadOnlyError(err), redis.IsNoReplicasError(err):
		return classReadOnly
	case redis.IsLoadingError(err), redis.IsMasterDownError(err):
		return classLoading
	case redis.IsClusterDownError(err):
		return classCluster
	case errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted), redis.IsMaxClientsError(err):
		return classPool
	case isWrongType(err):
		return classWrongType
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return classTimeout
	case errors.As(err, &network), errors.Is(err, net.ErrClosed), strings.Contains(err.Error(), "EOF"):
		return classNetwork
	}
	return classOther
}

// advice says what to do about a class of trouble, where there is something
// that the error itself does not tell.
func (c class) advice() string {
	switch c {
	case classAuth:
		return "check username and password_file of redis, and what the user may do (docs/redis.md)"
	case classMemory:
		return "Redis takes no more: give it more memory (maxmemory)"
	case classDisk:
		return "Redis cannot save to its disk, and takes no more until it can: see its log"
	case classReadOnly:
		return "it is a replica, or has lost its own: point redis at the master or at the sentinels"
	case classPool:
		return "Redis or the pool has no connection left: see maxclients"
	case classFuture:
		return "upgrade this Apgar, or give it a key_prefix of its own"
	}
	return ""
}

// noted counts an error of Redis, and adds advice to it. Without one, and when
// it is the store that refuses, Redis has answered: that is noted.
func (s *Store) noted(operation string, err error) error {
	if _, refused := errors.AsType[refusal](err); err == nil || refused {
		s.heard()
		return err
	}
	c := classOf(err)
	if c == classCancelled {
		return err
	}
	s.metrics.errors.WithLabelValues(operation, string(c)).Inc()
	if advice := c.advice(); advice != "" {
		return fmt.Errorf("%w (%s)", err, advice)
	}
	return err
}
