package app

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheURLIsEncryptedOnlyWhereTheWebConfigurationSaysSo(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	for content, scheme := range map[string]string{
		"basic_auth_users: {admin: x}\n": "http://",
		"tls_server_config: {}\n":        "http://",
		"http_server_config: {http2: false}\n# tls_server_config: {cert_file: a}": "http://",
		"tls_server_config: {cert_file: a.crt, key_file: a.key}\n":                "https://",
	} {
		path := filepath.Join(t.TempDir(), "web.yml")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		s := &webServer{web: Web{ConfigFile: path}, listener: listener}
		require.Equal(t, scheme+listener.Addr().String(), s.url(), content)
	}
	require.Equal(t, "http://"+listener.Addr().String(), (&webServer{listener: listener}).url())
}
