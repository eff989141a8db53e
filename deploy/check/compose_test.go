package check

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// TestComposeLoads has Compose's own loader read compose.yaml: schema, merges, interpolation, references between parts.
func TestComposeLoads(t *testing.T) {
	file, err := filepath.Abs("../compose/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{WorkingDir: filepath.Dir(file), Environment: types.Mapping{},
		ConfigFiles: []types.ConfigFile{{Filename: file, Content: b}}}, func(o *loader.Options) { o.SetProjectName("banyan", true) })
	if err != nil {
		t.Fatal(err)
	}
	if len(project.Services) != 11 || project.Services["west"].Image != "banyan:local" || project.Services["west"].Environment["BANYAN_LOG_FORMAT"] == nil || project.Services["west"].Command[0] != "serve" {
		t.Errorf("%d services; west is %+v", len(project.Services), project.Services["west"])
	}
}
