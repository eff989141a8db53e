package app

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/banyan-ecc/banyan/pkg/plan"
)

// MaxCityBytes bounds the files of a city folder together: they travel in one journal frame, in base64.
const MaxCityBytes = 32 << 20

// ReadCity reads and compiles the city in folder dir. An error of the configuration itself is a
// plan.Problems, with the names of files relative to dir.
func ReadCity(dir string) (*plan.City, error) {
	return ReadCityWith(dir, "", nil)
}

// ReadCityWith is ReadCity with a file put in, or put in the place of the one there.
func ReadCityWith(dir, name string, content []byte) (*plan.City, error) {
	files, err := readFolder(dir)
	if err != nil {
		return nil, err
	}
	if name != "" {
		files[name] = content
	}
	city, problems := plan.Load(files)
	if len(problems) > 0 {
		return nil, problems
	}
	return city, nil
}

// maxCityDepth bounds how deep a city folder is read: sources/ and registers/ are one level down.
const maxCityDepth = 3

// readFolder reads the files of a city, over symbolic links too: where a folder is handed in from outside, by Kubernetes
// say, everything in it is one.
func readFolder(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	total := int64(0)
	var read func(below string, depth int) error
	read = func(below string, depth int) error {
		entries, err := os.ReadDir(filepath.Join(dir, below))
		if err != nil {
			return err
		}
		for _, e := range entries {
			name := filepath.Join(below, e.Name())
			path := filepath.Join(dir, name)
			if e.Name()[0] == '.' || depth > maxCityDepth {
				continue
			}
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			if info.IsDir() {
				if err := read(name, depth+1); err != nil {
					return err
				}
				continue
			}
			if !plan.IsCityFile(filepath.ToSlash(name)) {
				continue
			}
			if total += info.Size(); total > MaxCityBytes {
				return fmt.Errorf("%s: the files of a city may be %d MiB together", dir, MaxCityBytes>>20)
			}
			if files[filepath.ToSlash(name)], err = os.ReadFile(path); err != nil {
				return err
			}
		}
		return nil
	}
	return files, read("", 0)
}
