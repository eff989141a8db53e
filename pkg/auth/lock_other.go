//go:build !unix

package auth

import "os"

// lock does nothing where there is nothing to do it with: there a folder is one node's alone.
func lock(*os.File) error { return nil }
