package app

import (
	"fmt"
	"io/fs"
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

func readFolder(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	total := int64(0)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || d.IsDir() || !plan.IsCityFile(filepath.ToSlash(name)) {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if total += info.Size(); total > MaxCityBytes {
			return fmt.Errorf("%s: the files of a city may be %d MiB together", dir, MaxCityBytes>>20)
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	return files, err
}
