package app_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/app"
)

// TestCityBehindLinks reads a city as Kubernetes hands a ConfigMap in: everything is a link into a hidden folder that
// changes as a whole.
func TestCityBehindLinks(t *testing.T) {
	const city = "../../configs/fuzhou"
	want, err := app.ReadCity(city)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "..2026_11_25"), os.DirFS(city)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..2026_11_25", filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(city)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Symlink(filepath.Join("..data", e.Name()), filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	got, err := app.ReadCity(dir)
	if err != nil || got.Digest != want.Digest {
		t.Fatalf("another city: %v", err)
	}
}
