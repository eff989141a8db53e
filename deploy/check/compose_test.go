package check

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// loadCompose has Compose's own loader read compose.yaml: schema, merges, interpolation, references between parts.
func loadCompose(t *testing.T) *types.Project {
	t.Helper()
	file, err := filepath.Abs("../compose/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{WorkingDir: filepath.Dir(file), Environment: types.Mapping{},
		ConfigFiles: []types.ConfigFile{{Filename: file, Content: b}}}, func(o *loader.Options) { o.SetProjectName("banyan", true) })
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestComposeLoads(t *testing.T) {
	project := loadCompose(t)
	if len(project.Services) != 11 || project.Services["west"].Image != "banyan:local" || project.Services["west"].Environment["BANYAN_LOG_FORMAT"] == nil || project.Services["west"].Command[0] != "serve" {
		t.Errorf("%d services; west is %+v", len(project.Services), project.Services["west"])
	}
}

// TestComposeAsks runs the health check of a node with the words that Compose gives it: the request is one, byte for byte,
// and only 200 is well.
func TestComposeAsks(t *testing.T) {
	words := loadCompose(t).Services["west"].HealthCheck.Test
	if len(words) < 2 || words[0] != "CMD" || !strings.Contains(words[len(words)-1], "/8080") {
		t.Fatalf("the health check is %q", words)
	}
	for status, well := range map[string]bool{"200 OK": true, "503 Service Unavailable": false} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		asked := make(chan string, 1)
		go func() { asked <- answer(l, status) }()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		script := strings.ReplaceAll(words[len(words)-1], "/8080", "/"+port)
		out, err := exec.CommandContext(t.Context(), words[1], append(words[2:len(words)-1:len(words)-1], script)...).CombinedOutput()
		_ = l.Close() // where nobody came, nobody is waited for
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if got := <-asked; got != "GET /readyz HTTP/1.0\r\n\r\n" || (err == nil) != well {
			t.Errorf("%s: asked %q, %v %s", status, got, err, out)
		}
	}
}

// answer answers one request, which ends with an empty line, and returns it.
func answer(l net.Listener, status string) (request string) {
	c, err := l.Accept()
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	for r := bufio.NewReader(c); !strings.HasSuffix(request, "\n\r\n"); {
		line, err := r.ReadString('\n')
		if request += line; err != nil {
			return request
		}
	}
	_, _ = fmt.Fprintf(c, "HTTP/1.0 %s\r\n\r\n", status) // who asked says what came of it
	return request
}
