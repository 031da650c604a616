package api_test

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api/internal/fixture"
)

// browse opens a page in a real browser and returns the document that came of
// it and what the browser had to say.
func browse(t *testing.T, url string) (document, console string) {
	t.Helper()
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	require.NotEmpty(t, browser, "no Chromium was found to look at the pages with; install the package chromium")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--no-first-run", "--user-data-dir="+t.TempDir(),
		"--enable-logging=stderr", "--dump-dom", url)
	var out, log bytes.Buffer
	c.Stdout, c.Stderr, c.WaitDelay = &out, &log, 5*time.Second
	require.NoError(t, c.Run(), "%s", log.String())
	return out.String(), log.String()
}

func TestABrowserShowsThePagesUnderTheirPolicy(t *testing.T) {
	snap := fixture.Fleet(60)
	server := httptest.NewServer(newBench(t, snap, quiet).handler)
	defer server.Close()
	for _, path := range []string{"/", "/services/default/playlist"} {
		document, console := browse(t, server.URL+path)
		require.NotContains(t, console, "Content Security Policy", path)
		require.NotContains(t, console, "Refused to", path)
		require.NotContains(t, console, "CONSOLE", path)
		require.Contains(t, document, "</html>")
		if path != "/" {
			continue
		}
		for _, s := range snap.Catalog.Services() {
			require.Contains(t, document, `href="/services/`+s.ID.String()+`"`)
		}
	}
}

func TestABrowserRunsNothingOfAHostileCatalog(t *testing.T) {
	server := httptest.NewServer(newBench(t, hostileFleet(), quiet).handler)
	defer server.Close()
	document, console := browse(t, server.URL+"/services/default/playlist")
	require.NotContains(t, document, "<title>owned")
	require.NotContains(t, strings.ToLower(document), "<script>")
	require.NotContains(t, console, "Refused to")
}
