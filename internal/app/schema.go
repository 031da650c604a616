package app

import (
	"fmt"
	"io"

	"github.com/apgarhq/apgar/internal/schema"
)

// Schema writes the JSON Schema of a kind of file: config, catalog, rubrics,
// tests or waivers.
func Schema(name string, out io.Writer) error {
	data, err := schema.JSON(name)
	if err != nil {
		return err
	}
	if _, err := out.Write(data); err != nil {
		return fmt.Errorf("writing the schema %s: %w", name, err)
	}
	return nil
}
