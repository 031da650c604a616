package app_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// stage is what follows a FROM in a Dockerfile.
type stage struct {
	name, image string
	steps       []instruction
}

// instruction is one of a Dockerfile, without its --flags.
type instruction struct {
	name, text string
	flags      map[string]string
}

// list returns an instruction's text as the JSON list that it is.
func (i instruction) list(t *testing.T) []string {
	t.Helper()
	var words []string
	require.NoError(t, json.Unmarshal([]byte(i.text), &words), "%s %s", i.name, i.text)
	return words
}

// find returns the last instruction of a name, which is the one that counts.
func (s stage) find(name string) instruction {
	for _, i := range slices.Backward(s.steps) {
		if i.name == name {
			return i
		}
	}
	return instruction{}
}

// readDockerfile reads deploy/Dockerfile and fails on what no builder would
// take.
func readDockerfile(t *testing.T) []stage {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deploy, "Dockerfile"))
	require.NoError(t, err)
	known := []string{"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "LABEL", "RUN", "USER", "WORKDIR"}
	var stages []stage
	for _, line := range logicalLines(string(text)) {
		step := parseInstruction(line)
		if step.name == "FROM" {
			stages = append(stages, newStage(t, step))
			continue
		}
		require.Contains(t, known, step.name, line)
		require.NotEmpty(t, step.text, line)
		require.NotEmpty(t, stages, "%s comes before the first FROM", line)
		last := &stages[len(stages)-1]
		last.steps = append(last.steps, step)
	}
	return stages
}

// logicalLines joins lines that end in a backslash, and leaves out comments
// and empty lines, as a builder does.
func logicalLines(text string) []string {
	var lines []string
	joined := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		part, goesOn := strings.CutSuffix(line, `\`)
		joined += part
		if !goesOn {
			lines = append(lines, joined)
			joined = ""
		}
	}
	return append(lines, slices.DeleteFunc([]string{joined}, func(s string) bool { return s == "" })...)
}

func parseInstruction(line string) instruction {
	name, text, _ := strings.Cut(line, " ")
	i := instruction{name: name, text: strings.TrimSpace(text), flags: map[string]string{}}
	for strings.HasPrefix(i.text, "--") {
		flag, rest, _ := strings.Cut(i.text, " ")
		key, value, _ := strings.Cut(flag, "=")
		i.flags[key], i.text = value, strings.TrimSpace(rest)
	}
	return i
}

func newStage(t *testing.T, from instruction) stage {
	t.Helper()
	words := strings.Fields(from.text)
	if len(words) == 1 {
		return stage{image: words[0]}
	}
	require.Len(t, words, 3, "FROM %s", from.text)
	require.Equal(t, "AS", words[1], "FROM %s", from.text)
	return stage{name: words[2], image: words[0]}
}

func TestTheDockerfile(t *testing.T) {
	stages := readDockerfile(t)
	require.Len(t, stages, 2)
	build, image := stages[0], stages[1]

	module, err := os.ReadFile(filepath.Join(repository, "go.mod"))
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(string(module))[1]
	require.Equal(t, "golang:"+version+"-bookworm", build.image, "it is not built with the Go of go.mod")

	require.Equal(t, "scratch", image.image)
	require.Equal(t, build.name, image.find("COPY").flags["--from"])
	require.Regexp(t, `^[1-9]\d*:[1-9]\d*$`, image.find("USER").text, "Kubernetes cannot tell from a name that it is not root")
	require.Equal(t, "8484", image.find("EXPOSE").text)
	require.Equal(t, []string{"/apgar"}, image.find("ENTRYPOINT").list(t))
	require.Equal(t, []string{"serve", "--config.file=/etc/apgar/apgar.yml"}, image.find("CMD").list(t))
	require.Contains(t, image.find("LABEL").text, "org.opencontainers.image.revision=")
	for _, step := range build.steps {
		if step.name == "COPY" {
			require.Equal(t, ". .", step.text, "the test of the image copies the repository, and nothing else")
		}
	}
}
