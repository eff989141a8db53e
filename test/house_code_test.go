package test

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// source is a parsed Go file.
type source struct {
	*ast.File
	path string
	fset *token.FileSet
	text []byte
}

func (s *source) at(n ast.Node) token.Position {
	p := s.fset.Position(n.Pos())
	p.Filename = s.path
	return p
}

func (s *source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// goFiles parses the Go files that belong to the repository.
func goFiles(t *testing.T) (files []*source) {
	t.Helper()
	for _, path := range repository(t) {
		if !strings.HasSuffix(path, ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		if os.IsNotExist(err) { // removed and not yet committed
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		s := &source{path: path, fset: token.NewFileSet(), text: text}
		if s.File, err = parser.ParseFile(s.fset, path, text, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		files = append(files, s)
	}
	return files
}

func TestFormatted(t *testing.T) {
	for _, s := range goFiles(t) {
		if formatted, err := format.Source(s.text); err != nil || !bytes.Equal(formatted, s.text) {
			t.Errorf("%s: run gofmt -w (%v)", s.path, err)
		}
	}
}

func TestExportedAreDocumented(t *testing.T) {
	packages := map[string]bool{}
	for _, s := range goFiles(t) {
		if s.isTest() {
			continue
		}
		packages[filepath.Dir(s.path)] = packages[filepath.Dir(s.path)] || s.Doc != nil
		for _, d := range s.Decls {
			for _, id := range undocumented(d) {
				t.Errorf("%s: %s has no doc comment", s.at(id), id.Name)
			}
		}
	}
	for dir, documented := range packages {
		if !documented {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

// undocumented returns the exported names that d declares without a comment. A comment on a group of
// constants or variables is one on each.
func undocumented(d ast.Decl) (names []*ast.Ident) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || receiver(d).IsExported()) {
			names = append(names, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() && spec.Doc == nil && d.Doc == nil {
					names = append(names, spec.Name)
				}
			case *ast.ValueSpec:
				for _, id := range spec.Names {
					if id.IsExported() && spec.Doc == nil && spec.Comment == nil && d.Doc == nil {
						names = append(names, id)
					}
				}
			}
		}
	}
	return names
}

// receiver returns the type a method is of.
func receiver(d *ast.FuncDecl) *ast.Ident {
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x
		default:
			return ast.NewIdent("Unknown") // exported: better one complaint too many
		}
	}
}

// clock are the functions of package time that ask a clock or wait for one.
var clock = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}

// called returns package and function of a call such as time.Now; only names, so a variable called time would
// be mistaken for the package, which nobody should want anyway.
func called(n ast.Node) (pkg, name string) {
	if s, ok := n.(*ast.SelectorExpr); ok {
		if x, ok := s.X.(*ast.Ident); ok {
			return x.Name, s.Sel.Name
		}
	}
	return "", ""
}

func TestCoreHasNoClockAndNoGoroutine(t *testing.T) {
	seen := 0
	for _, s := range goFiles(t) {
		if s.isTest() || !slices.Contains(core, filepath.ToSlash(filepath.Dir(s.path))) {
			continue
		}
		seen++
		ast.Inspect(s.File, func(n ast.Node) bool {
			switch n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: a goroutine in the core", s.at(n))
			case *ast.SelectStmt, *ast.ChanType, *ast.SendStmt:
				t.Errorf("%s: a channel in the core", s.at(n))
			}
			if pkg, name := called(n); pkg == "time" && slices.Contains(clock, name) {
				t.Errorf("%s: time.%s in the core: time comes in with the command", s.at(n), name)
			}
			return true
		})
	}
	if seen < len(core) {
		t.Fatalf("%d files of the core seen", seen)
	}
}

// TestEngineDoesNotDependOnMapOrder looks at the types: dispatch ranges over no map, and takes the keys of one
// only to sort them.
func TestEngineDoesNotDependOnMapOrder(t *testing.T) {
	exports := map[string]string{}
	var engine listed
	for _, p := range list(t, "-export", "-deps", "./dispatch") {
		exports[p.ImportPath] = p.Export
		if p.path() == "dispatch" {
			engine = p
		}
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range engine.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(engine.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	check := types.Config{Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })}
	if _, err := check.Check(engine.ImportPath, fset, files, info); err != nil {
		t.Fatal(err)
	}
	ranges := 0
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.RangeStmt:
				ranges++
				if _, ok := info.Types[n.X].Type.Underlying().(*types.Map); ok {
					t.Errorf("%s: ranges over a map: events must not depend on its order", fset.Position(n.Pos()))
				}
			case *ast.CallExpr:
				if pkg, name := called(n.Fun); pkg == "slices" && strings.HasPrefix(name, "Sorted") {
					return false // order is made here
				} else if pkg == "maps" && slices.Contains([]string{"Keys", "Values", "All"}, name) {
					t.Errorf("%s: maps.%s outside slices.Sorted: events must not depend on the order of a map", fset.Position(n.Pos()), name)
				}
			}
			return true
		})
	}
	if ranges == 0 {
		t.Fatal("no loop seen in dispatch")
	}
}

// absence is how a reason to skip names what is not there.
var absence = regexp.MustCompile(`absent|\bno |\bnot (here|there|installed|on this machine)\b|\bwithout\b|needs`)

// TestSkips lets a test be skipped only where it says what is absent.
func TestSkips(t *testing.T) {
	for _, s := range goFiles(t) {
		ast.Inspect(s.File, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || f.Sel.Name != "Skip" && f.Sel.Name != "Skipf" && f.Sel.Name != "SkipNow" || !s.isTest() {
				return true
			}
			reason := ""
			if len(call.Args) > 0 {
				if lit, ok := call.Args[0].(*ast.BasicLit); ok {
					reason = lit.Value
				}
			}
			if !absence.MatchString(reason) {
				t.Errorf("%s: a test may be skipped only with a reason that says what is absent, not with %q", s.at(n), reason)
			}
			return true
		})
	}
}
