package auth

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeyWorksWhileTheStoreIsOpen(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	token, err := Add(dir, Key{Role: RoleSource, Source: "fire-119"})
	if err != nil {
		t.Fatal(err)
	}
	k, ok := s.Lookup(token)
	if !ok || k.Source != "fire-119" || k.Role != RoleSource {
		t.Fatalf("Lookup of a new key: %+v, %v", k, ok)
	}
	if _, ok := s.Lookup(token + "x"); ok {
		t.Error("a token with one more character is taken")
	}
	if err := Revoke(dir, k.ID); err != nil {
		t.Fatal(err)
	}
	s.checked.Store(0) // as if a second had passed
	if _, ok := s.Lookup(token); ok {
		t.Error("a revoked key still works")
	}
}

func TestTokenIsNotKept(t *testing.T) {
	dir := t.TempDir()
	token, err := Add(dir, Key{Role: RoleWall, Name: "hall"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), strings.TrimPrefix(token, tokenPrefix)) {
		t.Error("the file holds the token")
	}
	if info, _ := os.Stat(filepath.Join(dir, FileName)); info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, want 0600", info.Mode().Perm())
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	for _, k := range []Key{{}, {Role: RoleSource}, {Role: RoleOfficer}, {Role: RoleWall}, {Role: "admin", Name: "x"},
		{Role: RoleWall, Name: "hall", Seat: "fire-1"}, {Role: RoleSource, Source: strings.Repeat("x", 200)}} {
		if _, err := Add(t.TempDir(), k); err == nil {
			t.Errorf("%+v: accepted", k)
		}
	}
	if err := Revoke(t.TempDir(), "nobody"); err == nil {
		t.Error("revoking an unknown key: no error")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"id":"a","hash":"b","role":"wall","name":"hall"}` + "\n")
	f.Fuzz(func(t *testing.T, s string) {
		keys, err := read(strings.NewReader(s))
		if err == nil && len(keys) > strings.Count(s, "\n")+1 {
			t.Errorf("%d keys from %d lines", len(keys), strings.Count(s, "\n")+1)
		}
	})
}
