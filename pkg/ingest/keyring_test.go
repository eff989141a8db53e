package ingest

import (
	"bytes"
	"path/filepath"
	"sync"
	"testing"
)

// TestKeyringOfTwoNodes: nodes that start at once over one folder have the same keys.
func TestKeyringOfTwoNodes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access", KeyringFile)
	var rings [8]*Keyring
	var opening sync.WaitGroup
	for i := range rings {
		opening.Go(func() {
			var err error
			if rings[i], err = OpenKeyring(path); err != nil {
				t.Error(err)
			}
		})
	}
	opening.Wait()
	if t.Failed() {
		return
	}
	for _, k := range rings[1:] {
		if !bytes.Equal(k.mark, rings[0].mark) {
			t.Fatal("two nodes have made keys of their own")
		}
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}
