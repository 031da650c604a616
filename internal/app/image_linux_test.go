package app_test

import (
	"debug/elf"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// TestTheImage does what the Dockerfile says without an engine: it runs the
// build stage in a copy of the repository, takes what the image takes from it
// as the root of a file system, and runs the program in there, as the image's
// user.
func TestTheImage(t *testing.T) {
	t.Parallel()
	stages := readDockerfile(t)
	image := buildImage(t, stages[0], stages[1])
	requireStatic(t, filepath.Join(image.root, "apgar"))
	for _, name := range []string{"etc/passwd", "etc/group", "etc/ssl/certs/ca-certificates.crt"} {
		info, err := os.Stat(filepath.Join(image.root, name))
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o644), info.Mode(), name)
	}

	t.Run("says what it was built from", func(t *testing.T) {
		output, err := image.command("version").CombinedOutput()
		require.NoError(t, err, "%s", output)
		require.Contains(t, string(output), "the-revision")
		require.Contains(t, string(output), "the-date")
	})
	for _, mount := range loadCompose(t, "compose.yaml").Services["apgar"].Volumes {
		require.Equal(t, types.VolumeTypeBind, mount.Type)
		require.NoError(t, os.CopyFS(filepath.Join(image.root, mount.Target), os.DirFS(mount.Source)))
	}
	t.Run("takes the configuration that compose mounts", func(t *testing.T) {
		output, err := image.command("check", "config", image.configFile(t)).CombinedOutput()
		require.NoError(t, err, "%s", output)
	})
	t.Run("serves in parts that meet in the Redis of compose", func(t *testing.T) {
		compose := loadCompose(t, "compose.yaml", "compose.password.yaml").Services
		image.useRedis(t, runComposeRedis(t))
		grader := image.start(t, image.arguments...)
		reader := image.start(t, compose["apgar-api"].Command...)
		grader.answers(t, "/-/healthy")
		reader.answers(t, "/-/ready") // only what the grader has committed makes it so
		reader.stop(t)
		grader.stop(t)
	})
	t.Run("runs the demo", func(t *testing.T) {
		demo := image.start(t, "demo", "--services=12", "--demo.prometheus-address=127.0.0.1:0")
		demo.answers(t, "/-/ready")
		demo.stop(t)
	})
}

// image is a file system, and the user that runs in it.
type image struct {
	root       string
	user       uint32
	entrypoint string
	arguments  []string // of the service
}

// buildImage carries out the two stages of the Dockerfile.
func buildImage(t *testing.T, build, final stage) *image {
	t.Helper()
	source := t.TempDir()
	args := map[string]string{"REVISION": "the-revision", "BUILD_DATE": "the-date"}
	var environment []string
	for _, step := range build.steps {
		switch step.name {
		case "WORKDIR": // is source
		case "COPY":
			copyContext(t, source)
		case "ARG":
			for _, name := range strings.Fields(step.text) {
				environment = append(environment, name+"="+args[name])
			}
		case "RUN":
			run := exec.Command("/bin/sh", "-c", step.text)
			run.Dir, run.Env = source, append(os.Environ(), environment...)
			output, err := run.CombinedOutput()
			require.NoError(t, err, "RUN %s\n%s", step.text, output)
		default:
			require.Fail(t, "this test does not know how to build that", "%s %s", step.name, step.text)
		}
	}
	uid, _, _ := strings.Cut(final.find("USER").text, ":")
	user, err := strconv.ParseUint(uid, 10, 32)
	require.NoError(t, err)
	from := strings.Fields(final.find("COPY").text)
	require.Len(t, from, 2)
	require.Equal(t, "/", from[1])
	inside, err := filepath.Rel(build.find("WORKDIR").text, from[0])
	require.NoError(t, err)
	return &image{
		root: filepath.Join(source, inside), user: uint32(user),
		entrypoint: final.find("ENTRYPOINT").list(t)[0], arguments: final.find("CMD").list(t),
	}
}

// copyContext copies what .dockerignore lets through.
func copyContext(t *testing.T, to string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, ".dockerignore"))
	require.NoError(t, err)
	ignored := logicalLines(string(text))
	require.NoError(t, filepath.WalkDir(repository, func(name string, entry fs.DirEntry, err error) error {
		relative, _ := filepath.Rel(repository, name)
		switch {
		case err != nil:
			return err
		case relative != "." && isIgnored(filepath.ToSlash(relative), ignored):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, relative), 0o755)
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), content, 0o600)
	}))
}

// isIgnored knows the two forms that .dockerignore has: a path from the top,
// and **/ with a pattern for the last part of a path.
func isIgnored(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		anywhere, found := strings.CutPrefix(pattern, "**/")
		if !found {
			return name == pattern
		}
		matched, err := path.Match(anywhere, path.Base(name))
		return matched && err == nil
	})
}

// requireStatic holds that a program needs nothing but the kernel.
func requireStatic(t *testing.T, program string) {
	t.Helper()
	file, err := elf.Open(program)
	require.NoError(t, err)
	defer file.Close()
	libraries, err := file.ImportedLibraries()
	require.NoError(t, err)
	require.Empty(t, libraries)
	for _, part := range file.Progs {
		require.NotEqual(t, elf.PT_INTERP, part.Type, "it needs a loader")
	}
}

// command prepares the program in the image, as its user. Who is not root may
// change the root of a file system in a namespace of their own only.
func (i *image) command(arguments ...string) *exec.Cmd {
	command := exec.Command(i.entrypoint, arguments...)
	command.Dir = "/"
	command.Env = []string{}
	command.SysProcAttr = &syscall.SysProcAttr{Chroot: i.root, Credential: &syscall.Credential{Uid: i.user, Gid: i.user}}
	if os.Geteuid() != 0 {
		command.SysProcAttr = &syscall.SysProcAttr{
			Chroot: i.root, Cloneflags: syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: int(i.user), HostID: os.Geteuid(), Size: 1}},
		}
	}
	return command
}

// configFile is the one that the service reads by default.
func (i *image) configFile(t *testing.T) string {
	t.Helper()
	for _, argument := range i.arguments {
		if file, found := strings.CutPrefix(argument, "--config.file="); found {
			return file
		}
	}
	require.Fail(t, "the image names no configuration")
	return ""
}

// useRedis has the mounted configuration name a Redis, with the user and the
// password of compose.password.yaml.
func (i *image) useRedis(t *testing.T, redis composeRedis) {
	t.Helper()
	name := filepath.Join(i.root, i.configFile(t))
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	changed := withPassword(t, strings.Replace(string(text), `"redis:6379"`, `"`+redis.address+`"`, 1))
	require.Contains(t, changed, redis.address)
	require.NoError(t, os.WriteFile(name, []byte(changed), 0o644))
	secrets := filepath.Join(i.root, "run", "secrets")
	require.NoError(t, os.MkdirAll(secrets, 0o755))
	require.NoError(t, os.CopyFS(secrets, os.DirFS(redis.secrets)))
}

// container is a program that runs in the image.
type container struct {
	address string
	process *os.Process
	output  lockedBuffer
	ended   chan error
}

// start runs a command that serves, until the test ends at the latest.
func (i *image) start(t *testing.T, arguments ...string) *container {
	t.Helper()
	c := &container{address: freeAddress(t), ended: make(chan error, 1)}
	command := i.command(append(slices.Clip(arguments), "--web.listen-address="+c.address)...)
	command.Stdout, command.Stderr = &c.output, &c.output
	require.NoError(t, command.Start())
	c.process = command.Process
	go func() { c.ended <- command.Wait() }()
	t.Cleanup(func() { _ = c.process.Kill() })
	return c
}

// answers waits until a path is answered with success.
func (c *container) answers(t *testing.T, path string) {
	t.Helper()
	eventually(t, 90*time.Second, func() (bool, string) {
		select {
		case err := <-c.ended:
			require.FailNow(t, "it ended", "%v: %s", err, c.output.String())
		default:
		}
		status, _ := fetch(t, "http://"+c.address+path)
		return status == http.StatusOK, path + " is not answered: " + c.output.String()
	})
}

// stop asks it to end, which it must do soon and with success.
func (c *container) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, c.process.Signal(syscall.SIGTERM))
	select {
	case err := <-c.ended:
		require.NoError(t, err, c.output.String())
	case <-time.After(10 * time.Second):
		require.Fail(t, "it does not end", c.output.String())
	}
}
