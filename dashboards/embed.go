// Package dashboards carries the built web pages inside the binary. They are built with npm (see README.md);
// without that the package still compiles, and Pages says that there is nothing to serve.
package dashboards

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Pages returns the built pages, rooted so that the wall is wall/index.html. It returns false when this binary
// was built without them.
func Pages() (fs.FS, bool) {
	pages, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, false
	}
	if _, err := fs.Stat(pages, "wall/index.html"); err != nil {
		return nil, false
	}
	return pages, true
}
