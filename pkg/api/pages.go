package api

import (
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// contentPolicy lets pages load what this server serves and nothing else.
const contentPolicy = "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; " +
	"connect-src 'self' ws: wss:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"

const noPages = `<!doctype html><html lang="zh"><meta charset="utf-8"><title>榕 Banyan</title>
<p>此程序构建时未包含网页。请安装 Node.js 后运行 <code>make build</code>。接口说明见 <code>/openapi.json</code>。
<p>This binary was built without its web pages. Install Node.js and run <code>make build</code>. The API is described at <code>/openapi.json</code>.
`

// pageRoutes serves the built pages. They hold no data: what they show they fetch with a key or a session.
func (s *Server) pageRoutes() {
	s.mux.Handle("GET /{$}", http.RedirectHandler("/wall/", http.StatusFound))
	s.mux.Handle("GET /wall", http.RedirectHandler("/wall/", http.StatusFound))
	s.mux.Handle("GET /console", http.RedirectHandler("/console/", http.StatusFound))
	s.mux.Handle("GET /wall/", s.page("wall"))
	s.mux.Handle("GET /console/", s.page("console"))
}

// page serves the built page of a name, or says that there is none.
func (s *Server) page(name string) http.Handler {
	if s.o.Pages == nil {
		return http.HandlerFunc(noPage)
	}
	return pages(s.o.Pages, name)
}

func noPage(w http.ResponseWriter, _ *http.Request) {
	pageHeaders(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(noPages))
}

func pageHeaders(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
}

// pages serves the files below folder name, and lists no folder. Files below assets/ carry a hash in their name.
func pages(files fs.FS, name string) http.Handler {
	serve := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pageHeaders(w.Header())
		// Cleaned as the file server will do it: an encoded .. comes this far.
		if file := strings.TrimPrefix(path.Clean(r.URL.Path), "/"); file != name {
			info, err := fs.Stat(files, file)
			if err != nil || info.IsDir() || !strings.HasPrefix(file, name+"/") {
				http.NotFound(w, r)
				return
			}
			if strings.HasPrefix(file, name+"/assets/") {
				w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			}
		}
		serve.ServeHTTP(w, r)
	})
}
