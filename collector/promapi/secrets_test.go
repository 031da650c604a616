package promapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/require"
)

// canary is part of every secret planted here; nothing else contains it.
const canary = "canary-5f1c"

// echo is all that a server knows of its client's secrets, in every form.
func echo(r *http.Request) string {
	user, password, _ := r.BasicAuth()
	return fmt.Sprintf("you sent %v with %s, %s:%s and %s", r.Header, r.URL.RawQuery, user, password, strings.Repeat("x", 300)+r.Header.Get("Authorization"))
}

func failures() map[string]http.HandlerFunc {
	text := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Error(w, echo(r), status) }
	}
	envelope := func(status int, format string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			quoted, _ := json.Marshal(echo(r))
			w.Header().Set("X-Echo", echo(r))
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, format, quoted)
		}
	}
	return map[string]http.HandlerFunc{
		"refused":    text(401),
		"down":       text(503),
		"missing":    text(404),
		"redirected": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/?x="+echo(r), http.StatusFound) },
		"not JSON":   text(200),
		"bad JSON":   envelope(200, `{"status":"success","data":{%s:[}`),
		"bad type":   envelope(200, `{"status":%s}`),
		"content type": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", r.Header.Get("Authorization")+r.Header.Get("X-Key"))
		},
		"bad query": envelope(400, `{"status":"error","errorType":"bad_data","error":%s}`),
		"failed":    envelope(200, `{"status":"error","errorType":"execution","error":%s}`),
		"warned":    envelope(200, `{"status":"success","warnings":[%[1]s],"infos":[%[1]s],"data":{"resultType":"vector","result":[]}}`),
		"broken": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			panic(http.ErrAbortHandler)
		},
	}
}

func TestNoSecretIsEverShown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(canary+"-file"), 0o600))
	type client struct {
		userinfo, query string
		// http is a function, because a configuration is normalised in place.
		http func() config.HTTPClientConfig
	}
	plain := func() config.HTTPClientConfig { return config.HTTPClientConfig{} }
	clients := map[string]client{
		"userinfo":         {userinfo: canary + "-user:" + canary + "-userinfo@", http: plain},
		"a key in the URL": {query: "?api_key=" + canary + "-key", http: plain},
		"basic auth": {http: func() config.HTTPClientConfig {
			return config.HTTPClientConfig{BasicAuth: &config.BasicAuth{Username: "me", Password: canary + "-basic"}}
		}},
		"a bearer token": {http: func() config.HTTPClientConfig {
			return config.HTTPClientConfig{Authorization: &config.Authorization{Type: "Bearer", Credentials: canary + "-bearer"}}
		}},
		"a token file": {http: func() config.HTTPClientConfig { return config.HTTPClientConfig{BearerTokenFile: file} }},
		"a header": {http: func() config.HTTPClientConfig {
			return config.HTTPClientConfig{HTTPHeaders: &config.Headers{
				Headers: map[string]config.Header{"X-Key": {Secrets: []config.Secret{canary + "-header"}}},
			}}
		}},
	}
	for name, c := range clients {
		for failure, handler := range failures() {
			t.Run(name+", "+failure, func(t *testing.T) {
				t.Parallel()
				u := "http://" + c.userinfo + strings.TrimPrefix(serve(t, handler), "http://") + "/prefix" + c.query
				shown := everythingShown(t, Options{Replicas: []string{u, u}, HTTP: c.http(), Timeout: 5 * time.Second})
				require.False(t, strings.Contains(shown, canary), lineWith(shown, canary))
			})
		}
		t.Run(name+", unreachable", func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.NotFoundHandler())
			server.Close()
			u := "http://" + c.userinfo + strings.TrimPrefix(server.URL, "http://") + c.query
			shown := everythingShown(t, Options{Replicas: []string{u}, HTTP: c.http()})
			require.False(t, strings.Contains(shown, canary), lineWith(shown, canary))
		})
	}
}

func TestTheTokenEndpointsAnswerIsNotShown(t *testing.T) {
	for name, handler := range failures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint, err := url.Parse(serve(t, handler))
			require.NoError(t, err)
			endpoint.User = url.UserPassword("me", canary+"-endpoint")
			oauth2 := &config.OAuth2{ClientID: "apgar", ClientSecret: canary + "-client", TokenURL: endpoint.String()}
			shown := everythingShown(t, Options{
				Replicas: []string{serve(t, replyJSON(200, emptyVector))}, Timeout: 5 * time.Second,
				HTTP: config.HTTPClientConfig{OAuth2: oauth2},
			})
			require.False(t, strings.Contains(shown, canary), lineWith(shown, canary))
		})
	}
}

// lineWith is the first line that shows what it must not.
func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

// everythingShown asks every kind of question until the breaker opens, and returns all that a reader could see of it.
func everythingShown(t *testing.T, o Options) string {
	t.Helper()
	var shown bytes.Buffer
	reg := prometheus.NewRegistry()
	o.Registerer = reg
	o.Logger = slog.New(slog.NewTextHandler(&shown, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := source(t, o)
	for range breakerFailures {
		report, err := ask(t, s)
		version, buildErr := s.BuildInfo(t.Context())
		fmt.Fprintf(&shown, "%v %+v %#v %+v %v %v %v\n", err, err, err, report, version, buildErr, s.Status())
	}
	families, err := reg.Gather()
	require.NoError(t, err)
	fmt.Fprintln(&shown, families)
	require.NotEmpty(t, families)
	return shown.String()
}

func TestRemoteTextIsMadeFitToBeShown(t *testing.T) {
	s := sanitizerFor(&http.Request{Header: http.Header{
		"Authorization": {"Basic bWU6aHVudGVyMg=="}, "X-Key": {"hunter2-and-more"}, "User-Agent": {"apgar/1"},
	}}, []string{"abc", ""})
	for in, want := range map[string]string{
		"":                                    "",
		"plain":                               "plain",
		"  two \n\t lines\x00\x1b[0m \u202e ": "two lines [0m",
		"Basic bWU6aHVudGVyMg== and hunter2":  "<hidden> and <hidden>",
		"hunter2-and-more apgar/1 abc":        "<hidden> apgar/1 abc",
		"bad \xff utf-8":                      "bad \uFFFD utf-8",
		strings.Repeat("é", 200):              strings.Repeat("é", 126) + "…",
		strings.Repeat("a", maxRemoteText-3):  strings.Repeat("a", maxRemoteText-3),
		strings.Repeat("a", 2*maxRemoteText):  strings.Repeat("a", maxRemoteText-3) + "…",
		strings.Repeat("a ", 2*maxRemoteText): strings.Repeat("a ", 126) + "a…",
	} {
		require.Equal(t, want, s.clean(in))
		require.LessOrEqual(t, len(s.clean(in)), maxRemoteText)
	}
}
