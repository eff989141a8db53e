package history

import (
	"fmt"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// BenchmarkTake is what an alert that opens an incident of its own costs in the read model: one operation is one alert, and
// portions are of so many.
func BenchmarkTake(b *testing.B) {
	const alerts = 8000
	w := newWorldOf(b, "../../configs/fuzhou")
	first := len(w.frames)
	w.now = w.now.Add(time.Hour)
	for n := range alerts {
		w.now = w.now.Add(time.Millisecond)
		source, id := "eco-12369", fmt.Sprintf("b-%d", n)
		w.do(dispatch.Command{Type: dispatch.SubmitAlert, Alert: &alert.Alert{AlertID: alert.KeyOf(source, id).AlertID(), Source: source, ID: id, Type: "pollution.complaint",
			OccurredAt: alert.TimeOf(w.now), ReceivedAt: alert.TimeOf(w.now), Text: "测试警情 bench",
			Attributes: fmt.Appendf(nil, `{"n":%d,"padding":"%0240d"}`, n, 0),
			Location:   &alert.Location{Lon: w.city.Centre.Lon - 0.2 + float64(n%200)*0.002, Lat: w.city.Centre.Lat - 0.2 + float64(n/200%200)*0.002}}})
	}
	frames := w.frames[first:]
	if len(frames) < alerts {
		b.Fatal("alerts were refused")
	}
	for _, portion := range []int{100, 1000, 4000} {
		b.Run(fmt.Sprint(portion), func(b *testing.B) {
			b.ReportAllocs()
			var s *Store
			for n := 0; n < b.N; {
				at := n % alerts
				if at == 0 {
					b.StopTimer()
					if s != nil {
						s.Close()
					}
					s = open(b, b.TempDir())
					if err := s.Take(b.Context(), w.frames[:first]); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
				to := min(at+portion, alerts, at+b.N-n)
				if err := s.Take(b.Context(), frames[at:to]); err != nil {
					b.Fatal(err)
				}
				n += to - at
			}
		})
	}
}
