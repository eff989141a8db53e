package plan

import (
	"io/fs"
	"maps"
	"os"
	"strings"
	"testing"
	_ "time/tzdata"
)

// cityFiles reads the folder of a small city without a mistake.
func cityFiles(t testing.TB) map[string][]byte {
	t.Helper()
	root := os.DirFS("testdata/city")
	files := map[string][]byte{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !IsCityFile(name) {
			t.Errorf("%s is no file of a city", name)
		}
		files[name], err = fs.ReadFile(root, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// load compiles files that must have no mistake.
func load(t testing.TB, files map[string][]byte) *City {
	t.Helper()
	c, problems := Load(files)
	if c == nil || len(problems) > 0 {
		t.Fatalf("problems:\n%v", problems)
	}
	return c
}

// edit returns the files with one text of one file replaced; without the file where old is empty.
func edit(t testing.TB, files map[string][]byte, name, old, by string) map[string][]byte {
	t.Helper()
	files = maps.Clone(files)
	if old == "" {
		delete(files, name)
		return files
	}
	if n := strings.Count(string(files[name]), old); n != 1 {
		t.Fatalf("%q stands %d times in %s", old, n, name)
	}
	files[name] = []byte(strings.Replace(string(files[name]), old, by, 1))
	return files
}
