package app_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/api/wire"
	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/store/redisstore/codec"
)

// TestReadersOfAStoreShowTheSameRubrics holds that a process that has rubrics
// from the store serves them byte for byte as the one that loaded them.
func TestReadersOfAStoreShowTheSameRubrics(t *testing.T) {
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	identities, err := rubric.BuiltinIdentities(env)
	require.NoError(t, err)
	var files []rubric.File
	for _, name := range rubric.Packs() {
		file, ok := rubric.PackFile(name)
		require.True(t, ok)
		files = append(files, file)
	}
	paths, err := filepath.Glob("../../examples/rubrics/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range append(paths, "../../store/redisstore/codec/testdata/every-field.yml") {
		if rubric.IsTestFile(path) {
			continue
		}
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		files = append(files, rubric.File{Name: path, Data: data})
	}
	for _, file := range files {
		loaded, problems := rubric.Load(env, identities, file)
		require.Empty(t, problems)
		payload, err := codec.EncodeRubrics(loaded)
		require.NoError(t, err)
		stored, err := codec.DecodeRubrics(payload)
		require.NoError(t, err)
		require.Len(t, stored, len(loaded))
		for i := range loaded {
			require.Equal(t, shown(t, loaded[i]), shown(t, stored[i]))
		}
	}
}

func shown(t *testing.T, r *rubric.Rubric) string {
	t.Helper()
	body, err := wire.Rubric(r)
	require.NoError(t, err)
	return string(body.Append(nil, false))
}
