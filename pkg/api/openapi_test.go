package api_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// document is what the tests read of /openapi.json.
type document struct {
	OpenAPI string `json:"openapi"`
	Info    struct{ Title, Version string }
	Paths   map[string]map[string]*operation
}

type operation struct {
	OperationID string `json:"operationId"`
	Summary     string
	Parameters  []struct {
		Name, In string
		Required bool
	}
	RequestBody *struct{ Content map[string]any } `json:"requestBody"`
	Responses   map[string]struct {
		Description string
		Content     map[string]any
	}
}

func (c *centre) document() (d document, raw any) {
	c.tb.Helper()
	a := c.must(http.MethodGet, "/openapi.json", c.wall(), "")
	if a.status != http.StatusOK || !strings.Contains(a.header.Get("Content-Type"), "json") {
		c.tb.Fatalf("%d %s", a.status, a.header.Get("Content-Type"))
	}
	for _, into := range []any{&d, &raw} {
		if err := json.Unmarshal(a.body, into); err != nil {
			c.tb.Fatal(err)
		}
	}
	return d, raw
}

var (
	pathParameter = regexp.MustCompile(`\{(\w+)\}`)
	statusCode    = regexp.MustCompile(`^([1-5]\d\d|default)$`)
)

// TestOpenAPI checks what OpenAPI 3.1 asks of a document: version, ids, parameters, responses, references.
func TestOpenAPI(t *testing.T) {
	c := newCentre(t)
	d, raw := c.document()
	if !strings.HasPrefix(d.OpenAPI, "3.1.") || d.Info.Title == "" || d.Info.Version == "" {
		t.Errorf("openapi %q, title %q, version %q", d.OpenAPI, d.Info.Title, d.Info.Version)
	}
	seen := map[string]bool{}
	for path, operations := range d.Paths {
		for method, op := range operations {
			where := method + " " + path
			if op.OperationID == "" || seen[op.OperationID] || op.Summary == "" {
				t.Errorf("%s: operationId %q is empty or used twice, or there is no summary", where, op.OperationID)
			}
			seen[op.OperationID] = true
			var want, got []string
			for _, m := range pathParameter.FindAllStringSubmatch(path, -1) {
				want = append(want, m[1])
			}
			for _, p := range op.Parameters {
				if p.In == "path" {
					got = append(got, p.Name)
				}
				if p.In == "path" && !p.Required {
					t.Errorf("%s: path parameter %s is not required", where, p.Name)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: path parameters %q, want %q", where, got, want)
			}
			if len(op.Responses) < 2 {
				t.Errorf("%s: %d responses: what when it is refused?", where, len(op.Responses))
			}
			for code, r := range op.Responses {
				if !statusCode.MatchString(code) || r.Description == "" {
					t.Errorf("%s: response %q %q", where, code, r.Description)
				}
			}
		}
	}
	references(t, raw, raw, "#")
}

// references finds every $ref and follows it.
func references(t *testing.T, root, v any, where string) {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			at := root
			for _, part := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
				m, _ := at.(map[string]any)
				at = m[part]
			}
			if at == nil {
				t.Errorf("%s: %s leads nowhere", where, ref)
			}
		}
		for k, x := range v {
			references(t, root, x, where+"/"+k)
		}
	case []any:
		for i, x := range v {
			references(t, root, x, fmt.Sprintf("%s/%d", where, i))
		}
	}
}

// unlisted are served and are no part of the API: pages, and the websocket, which OpenAPI cannot describe.
var unlisted = []string{"/", "GET /{$}", "GET /wall", "GET /wall/", "GET /console", "GET /console/", "GET /api/v1/stream",
	"GET /api/v1/incidents/{id}/cap"} // listed as it is asked for, {id}.cap

// TestOpenAPIListsEveryRoute finds the routes that the code gives to the multiplexer itself, and those that the
// page on the protocol names. The library lists the others by itself.
func TestOpenAPIListsEveryRoute(t *testing.T) {
	c := newCentre(t)
	d, _ := c.document()
	listed := func(route string) bool {
		method, path, _ := strings.Cut(route, " ")
		return d.Paths[path][strings.ToLower(method)] != nil
	}
	routes := append(handled(t), described(t)...)
	if len(routes) < 30 {
		t.Fatalf("%d routes found: the test looks in the wrong place", len(routes))
	}
	for _, route := range routes {
		if !listed(route) && !slices.Contains(unlisted, route) {
			t.Errorf("%s is not in /openapi.json", route)
		}
	}
}

// handled returns the patterns in calls of mux.Handle and mux.HandleFunc.
func handled(t *testing.T) (routes []string) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || method.Sel.Name != "Handle" && method.Sel.Name != "HandleFunc" {
				return true
			}
			lit, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				t.Errorf("%s: a route that is no literal: teach the test to find it", name)
				return true
			}
			route, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			routes = append(routes, route)
			return true
		})
	}
	return routes
}

var (
	describedCall = regexp.MustCompile("`(GET|POST) (/[^`? ]*)")
	alternatives  = regexp.MustCompile(`^(.*)\{(\w+(?:,\w+)+)\}$`)
)

// described returns the calls in docs/protocol.md.
func described(t *testing.T) (routes []string) {
	page, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(page), "\n") {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range describedCall.FindAllStringSubmatch(strings.SplitN(line, "|", 3)[1], -1) {
			paths := []string{"/api/v1" + m[2]}
			if x := alternatives.FindStringSubmatch(paths[0]); x != nil {
				paths = nil
				for _, word := range strings.Split(x[2], ",") {
					paths = append(paths, x[1]+word)
				}
			}
			for _, path := range paths {
				routes = append(routes, m[1]+" "+path)
			}
		}
	}
	return routes
}
