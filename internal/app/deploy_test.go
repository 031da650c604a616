package app_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/app"
)

const (
	repository = "../.."
	deploy     = "../../deploy"
)

// loadCompose reads compose files as `docker compose` does: against the
// specification's schema, with references resolved.
func loadCompose(t *testing.T, files ...string) *types.Project {
	t.Helper()
	details := types.ConfigDetails{WorkingDir: deploy, Environment: types.Mapping{}}
	for _, name := range files {
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: filepath.Join(deploy, name)})
	}
	project, err := loader.LoadWithContext(context.Background(), details)
	require.NoError(t, err)
	return project
}

func TestTheComposeFileCanBeUsed(t *testing.T) {
	project := loadCompose(t, "compose.yaml")
	require.ElementsMatch(t, []string{"apgar", "apgar-api", "grafana", "prometheus", "redis"}, project.ServiceNames())
	for name, service := range project.Services {
		t.Run(name, func(t *testing.T) {
			requireGuarded(t, service)
			requirePinned(t, service)
			for _, port := range service.Ports {
				require.Equal(t, "127.0.0.1", port.HostIP, "port %s can be reached from other machines", port.Published)
			}
			for _, mount := range service.Volumes {
				requireMounted(t, project, mount)
			}
		})
	}
}

// requireGuarded holds that a container can do no more than it must.
func requireGuarded(t *testing.T, s types.ServiceConfig) {
	t.Helper()
	require.True(t, s.ReadOnly, "its files can be changed")
	require.Equal(t, []string{"ALL"}, s.CapDrop)
	require.Empty(t, s.CapAdd)
	require.False(t, s.Privileged)
	require.Contains(t, s.SecurityOpt, "no-new-privileges:true")
}

// requirePinned holds that an image is built here, or that its tag names one
// release.
func requirePinned(t *testing.T, s types.ServiceConfig) {
	t.Helper()
	if s.Build == nil {
		require.Regexp(t, `^[a-z/]+:v?\d+\.\d+\.\d+(-[a-z0-9.]+)?$`, s.Image)
		return
	}
	require.FileExists(t, filepath.Join(s.Build.Context, s.Build.Dockerfile))
	require.FileExists(t, filepath.Join(s.Build.Context, "go.mod"), "the context is not the repository")
}

// requireMounted holds that what is mounted is there. The loader has held
// already that volumes, networks and secrets are declared.
func requireMounted(t *testing.T, project *types.Project, mount types.ServiceVolumeConfig) {
	t.Helper()
	switch mount.Type {
	case types.VolumeTypeBind:
		require.DirExists(t, mount.Source, "of %s: a file would stay the old one when an editor replaces it", mount.Target)
		require.True(t, mount.ReadOnly, "%s can be changed from within", mount.Source)
	case types.VolumeTypeVolume:
		require.Contains(t, project.Volumes, mount.Source)
	default:
		require.Fail(t, "a mount of another type", "%s is a %s", mount.Target, mount.Type)
	}
}

// TestTheComposeFileWithAPassword holds that the two files go together, and
// that every secret is handed to somebody.
func TestTheComposeFileWithAPassword(t *testing.T) {
	project := loadCompose(t, "compose.yaml", "compose.password.yaml")
	given := map[string][]string{}
	for name, service := range project.Services {
		for _, secret := range service.Secrets {
			given[secret.Source] = append(given[secret.Source], name)
		}
	}
	require.Len(t, given, len(project.Secrets))
	require.ElementsMatch(t, []string{"apgar", "apgar-api"}, given["redis_password"])
	require.Equal(t, []string{"redis"}, given["redis_users"])
	command := strings.Join(project.Services["redis"].Command, " ")
	require.Contains(t, command, "--aclfile /run/secrets/redis_users")
	require.Contains(t, command, strings.Join(loadCompose(t, "compose.yaml").Services["redis"].Command, " "))
}

func TestTheComposeConfigurationIsSound(t *testing.T) {
	path := filepath.Join(deploy, "compose", "apgar", "apgar.yml")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	folder := t.TempDir()
	require.NoError(t, os.CopyFS(folder, os.DirFS(filepath.Dir(path))))
	changed := filepath.Join(folder, "apgar.yml")
	require.NoError(t, os.WriteFile(changed, []byte(withPassword(t, string(text))), 0o600))
	for _, file := range []string{path, changed} {
		var out lockedBuffer
		err := app.CheckConfig(t.Context(), app.CheckOptions{Files: []string{file}, Logger: slog.New(slog.DiscardHandler), Out: &out})
		require.NoError(t, err, out.String())
		require.NotContains(t, out.String(), "warning")
	}
}

// withPassword uncomments what compose.password.yaml says to uncomment.
func withPassword(t *testing.T, config string) string {
	t.Helper()
	for _, field := range []string{"username:", "password_file:"} {
		require.Contains(t, config, "# "+field)
		config = strings.Replace(config, "# "+field, field, 1)
	}
	return config
}

// TestTheComposePrometheusIsSound holds that Prometheus takes its
// configuration, that it scrapes what there is, and the scorecards only once.
func TestTheComposePrometheusIsSound(t *testing.T) {
	path := filepath.Join(deploy, "compose", "prometheus", "prometheus.yml")
	output, err := exec.Command(program(t, "promtool"), "check", "config", path).CombinedOutput()
	require.NoError(t, err, "%s", output)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	services := loadCompose(t, "compose.yaml").Services
	for _, target := range regexp.MustCompile(`"([a-z-]+):\d+"`).FindAllStringSubmatch(string(text), -1) {
		require.Contains(t, services, target[1])
	}
	_, scorecards, found := strings.Cut(string(text), "metrics_path: /metrics/scorecards")
	require.True(t, found)
	require.Equal(t, 1, strings.Count(scorecards, ":8484"), "more than one instance shows the same scorecards")
}

// TestTheComposeGrafanaFindsItsDashboards holds that the folder that Grafana
// is told to read is one that is mounted and has dashboards.
func TestTheComposeGrafanaFindsItsDashboards(t *testing.T) {
	grafana := loadCompose(t, "compose.yaml").Services["grafana"]
	mounted := map[string]string{}
	for _, mount := range grafana.Volumes {
		mounted[mount.Target] = mount.Source
	}
	files, err := filepath.Glob(filepath.Join(mounted["/etc/grafana/provisioning"], "dashboards", "*.y*ml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, path := range regexp.MustCompile(`(?m)^\s+path: (\S+)$`).FindAllStringSubmatch(string(text), -1) {
			require.Contains(t, mounted, path[1], file)
			dashboards, err := filepath.Glob(filepath.Join(mounted[path[1]], "*.json"))
			require.NoError(t, err)
			require.NotEmpty(t, dashboards, path[1])
		}
	}
}
