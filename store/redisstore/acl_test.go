package redisstore

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/store/redisstore/redistest"
	"github.com/apgarhq/apgar/store/storetest"
)

const testPassword = "of-the-test"

// documentedUser returns the line about Apgar's user in docs/redis.md, for the
// prefixes that tests have.
func documentedUser(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/redis.md")
	require.NoError(t, err)
	line := regexp.MustCompile(`(?m)^user apgar on .*$`).FindString(string(text))
	require.NotEmpty(t, line, "docs/redis.md shows no line that makes the user")
	return strings.NewReplacer(
		">PASSWORD", ">"+testPassword, "~{apgar}:*", "~{test-*}:*", "~{apgar.*}:objects", "~{test-*.*}:objects",
	).Replace(line)
}

// TestTheDocumentedRightsAreEnough runs the whole suite as the user of
// docs/redis.md. Redis must not have refused anything: some refusals are put up
// with by the store, and would go unnoticed.
func TestTheDocumentedRightsAreEnough(t *testing.T) {
	user := redistest.WithConfig(documentedUser(t))
	login := func(c Connection) Connection {
		c.Username, c.Password = "apgar", func() (string, error) { return testPassword, nil }
		return c
	}
	for _, backend := range []struct {
		name  string
		start func(t *testing.T) (Connection, []*redistest.Server)
	}{
		{"single", func(t *testing.T) (Connection, []*redistest.Server) {
			s := redistest.Start(t, user)
			return Connection{Addresses: []string{s.Addr()}}, []*redistest.Server{s}
		}},
		{"sentinel", func(t *testing.T) (Connection, []*redistest.Server) {
			s := redistest.StartSentinel(t, user)
			return Connection{Addresses: s.Addrs(), SentinelMaster: s.MasterName}, s.Servers()
		}},
		{"cluster", func(t *testing.T) (Connection, []*redistest.Server) {
			c := redistest.StartCluster(t, user)
			return Connection{Addresses: c.Addrs(), Cluster: true}, c.Servers()
		}},
	} {
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			connection, servers := backend.start(t)
			t.Cleanup(func() {
				for _, s := range servers {
					require.Empty(t, s.Do("ACL", "LOG"), "Redis refused something")
				}
			})
			o := &opener{connection: login(connection)}
			storetest.Run(t, func(t *testing.T) storetest.Store { return underTest{open(t, o.options())} })
		})
	}
}
