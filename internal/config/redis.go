package config

import (
	"net"
	"path/filepath"
	"strconv"

	"github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/catalog/strict"
)

// redis reads the section; without it everything is kept in memory.
func (r *reader) redis(m *strict.Map) {
	m.Ask("redis")
	if !m.Has("redis") {
		return
	}
	s := m.Map("redis")
	s.Name("redis")
	out := &Redis{
		SentinelMaster: s.Text("sentinel_master"),
		Cluster:        s.Bool("cluster", false),
		Username:       s.Text("username"),
		PasswordFile:   r.path(s.Text("password_file")),
		KeyPrefix:      s.Text("key_prefix"),
		TLS:            r.tls(s),
	}
	for _, t := range s.Texts("addresses") {
		if !isHostPort(t.Value) {
			s.Mistake(t.Line, "an address of redis is not host:port: write e.g. 127.0.0.1:6379, without scheme, user and password")
			continue
		}
		out.Addresses = append(out.Addresses, t.Value)
	}
	switch {
	case s.Bad():
	case len(out.Addresses) == 0:
		s.Mistake(s.LineOf("addresses"), "addresses of redis is missing: write e.g. addresses: [\"127.0.0.1:6379\"]")
	case out.Cluster && out.SentinelMaster != "":
		s.Mistake(s.LineOf("cluster"), "redis has both cluster and sentinel_master: keep the one that your Redis is")
	case len(out.Addresses) > 1 && !out.Cluster && out.SentinelMaster == "":
		s.Mistake(s.LineOf("addresses"), "redis has several addresses: say cluster: true or sentinel_master: …, or keep one")
	}
	if out.KeyPrefix == "" {
		out.KeyPrefix = defaultKeyPrefix
	} else if !prefixPattern.MatchString(out.KeyPrefix) {
		s.Mistake(s.LineOf("key_prefix"), "key_prefix of redis is %q: use 1 to 63 lower-case letters, digits, dashes and underscores", strict.Clip(out.KeyPrefix))
	}
	s.Done()
	r.out.Redis = out
}

func isHostPort(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// tls reads tls_config; absent or empty means no TLS. It borrows the decoder of
// http_config, of which tls_config is a part.
func (r *reader) tls(s *strict.Map) *config.TLSConfig {
	n := s.Node("tls_config")
	if n == nil || n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		return nil
	}
	wrapped := &yaml.Node{Kind: yaml.MappingNode, Line: n.Line, Content: []*yaml.Node{
		{Kind: yaml.ScalarNode, Value: "tls_config", Line: n.Line}, n,
	}}
	m := s.Source().Map(&yaml.Node{Kind: yaml.MappingNode, Line: n.Line, Content: []*yaml.Node{
		{Kind: yaml.ScalarNode, Value: "tls_config", Line: n.Line}, wrapped,
	}}, "redis")
	http := r.httpConfig(m, "tls_config")
	return &http.TLSConfig
}

// path resolves a path of the file.
func (r *reader) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(r.out.Dir, p)
}
