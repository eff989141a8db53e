package app

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/redisstore"
)

// TestPassedOnToOneThatLeadsNoLonger: a request that was passed on ends when another leads, though nobody has answered it.
func TestPassedOnToOneThatLeadsNoLonger(t *testing.T) {
	asked := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	defer silent.Close()
	a := &App{o: Options{Node: "west", Logger: slog.New(slog.DiscardHandler)}, between: newBetween()}
	defer a.between.CloseIdleConnections()
	a.cluster.led(&redisstore.Holder{Node: "east", Address: silent.URL})
	w, answered := httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(answered)
		a.passOn(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/alerts", http.NoBody))
	}()
	<-asked
	a.cluster.led(&redisstore.Holder{Node: "north"})
	<-answered
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
