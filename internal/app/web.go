package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
)

// Web says where and how to listen.
type Web struct {
	ListenAddress string
	// ConfigFile is an exporter-toolkit web configuration (TLS, basic auth), or "".
	ConfigFile string
}

// tls reports whether the web configuration has a section for it. What else a
// file holds, such as users, goes with plain HTTP.
func (w Web) tls() bool {
	if w.ConfigFile == "" {
		return false
	}
	data, err := os.ReadFile(w.ConfigFile)
	if err != nil {
		return false
	}
	var file struct {
		TLS map[string]any `yaml:"tls_server_config"`
	}
	return yaml.Unmarshal(data, &file) == nil && len(file.TLS) > 0
}

// webServer is an HTTP server with its listener.
type webServer struct {
	web      Web
	server   *http.Server
	listener net.Listener
	log      *slog.Logger
}

// listen opens the listener of a server.
func listen(w Web, server *http.Server, log *slog.Logger) (*webServer, error) {
	if err := web.Validate(w.ConfigFile); err != nil {
		return nil, fmt.Errorf("reading the web configuration %s: %w: mend what --web.config.file names, or leave it out", w.ConfigFile, err)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", w.ListenAddress)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w: choose another --web.listen-address, or end what listens there", w.ListenAddress, err)
	}
	return &webServer{web: w, server: server, listener: listener, log: log}, nil
}

// url is where this machine reaches the server.
func (s *webServer) url() string {
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		return "http://" + s.listener.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	if s.web.tls() {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// serve answers requests until stop.
func (s *webServer) serve() error {
	s.log.Info("listening", "url", s.url())
	flags := &web.FlagConfig{WebConfigFile: &s.web.ConfigFile}
	if err := web.Serve(s.listener, s.server, flags, s.log); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving on %s: %w", s.listener.Addr(), err)
	}
	return nil
}

// stop lets requests end, for a while.
func (s *webServer) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		s.log.Warn("requests were cut off", "err", err)
		_ = s.server.Close()
	}
}

func (s *webServer) close() { _ = s.listener.Close() }
