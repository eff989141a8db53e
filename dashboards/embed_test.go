package dashboards

import (
	"io/fs"
	"path"
	"regexp"
	"testing"
)

var reference = regexp.MustCompile(`(?:src|href)="(/wall/[^"]+|\./[^"]+)"`)

// What the page loads must be in the binary with it: a page without its script is worse than none.
func TestPagesAreWhole(t *testing.T) {
	pages, ok := Pages()
	if !ok {
		if _, err := fs.Stat(dist, "dist/wall/index.html"); err == nil {
			t.Fatal("the wall is embedded, but Pages says it is not")
		}
		t.Log("built without pages: npm run build makes them")
		return
	}
	index, err := fs.ReadFile(pages, "wall/index.html")
	if err != nil {
		t.Fatal(err)
	}
	found := reference.FindAllSubmatch(index, -1)
	if len(found) == 0 {
		t.Fatalf("wall/index.html loads nothing:\n%s", index)
	}
	for _, m := range found {
		name := string(m[1])
		if name[0] == '.' {
			name = path.Join("/wall", name)
		}
		if info, err := fs.Stat(pages, name[1:]); err != nil || info.Size() == 0 {
			t.Errorf("wall/index.html loads %s, which is not embedded or empty: %v", name, err)
		}
	}
}
