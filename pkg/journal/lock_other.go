//go:build !unix

package journal

import (
	"errors"
	"fmt"
	"os"
)

func lock(f *os.File) error {
	return fmt.Errorf("lock %s: %w", f.Name(), errors.ErrUnsupported)
}

func release(*os.File) error { return nil }
