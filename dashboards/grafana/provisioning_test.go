package grafana_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// read decodes a file of deploy/grafana/provisioning; fields that are not
// known here are mistakes.
func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/grafana/provisioning/" + name)
	require.NoError(t, err)
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(into), name)
}

func TestTheProvisionedDataSourceFitsTheDashboard(t *testing.T) {
	_, _, d := fleet(t)
	var file struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Name, UID, Type, Access, URL string
			IsDefault                    bool `yaml:"isDefault"`
			Editable                     bool
			JSONData                     struct {
				HTTPMethod   string `yaml:"httpMethod"`
				TimeInterval string `yaml:"timeInterval"`
			} `yaml:"jsonData"`
		}
	}
	read(t, "datasources/prometheus.yaml", &file)
	require.Equal(t, 1, file.APIVersion)
	require.Len(t, file.Datasources, 1)
	source := file.Datasources[0]
	v, _ := d.Variable("datasource")
	require.Equal(t, string(v.Query), source.Type)
	require.True(t, source.IsDefault, "so that the variable begins with it")
	require.Equal(t, "http://prometheus:9090", source.URL)
	require.Equal(t, "POST", source.JSONData.HTTPMethod, "the longest queries do not fit into every URL")
	_, err := model.ParseDuration(source.JSONData.TimeInterval)
	require.NoError(t, err)
}

func TestTheProvisionedFolderIsOneToMount(t *testing.T) {
	var file struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Name, Folder, Type    string
			DisableDeletion       bool `yaml:"disableDeletion"`
			AllowUIUpdates        bool `yaml:"allowUiUpdates"`
			UpdateIntervalSeconds int  `yaml:"updateIntervalSeconds"`
			Options               struct{ Path string }
		}
	}
	read(t, "dashboards/apgar.yaml", &file)
	require.Equal(t, 1, file.APIVersion)
	require.Len(t, file.Providers, 1)
	provider := file.Providers[0]
	require.Equal(t, "file", provider.Type)
	require.Equal(t, "/var/lib/grafana/dashboards/apgar", provider.Options.Path)
	require.False(t, provider.AllowUIUpdates, "what is generated is not edited")
}
