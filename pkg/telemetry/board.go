package telemetry

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Reading is one value of a family of gauges.
type Reading struct {
	Value  float64
	Labels []string // values, in the order of the family's
}

// Gauges adds families of gauges with labels of the configuration, such as the department, that are read together
// when Prometheus asks. read returns the readings of each family, in their order.
func (t *Telemetry) Gauges(families []Family, read func() [][]Reading) {
	c := &gauges{read: read}
	for _, f := range families {
		c.descs = append(c.descs, prometheus.NewDesc(f.Name, f.Help, f.Labels, nil))
		f.Type = "gauge"
		t.families = append(t.families, f)
	}
	t.registry.MustRegister(c)
}

type gauges struct {
	descs []*prometheus.Desc
	read  func() [][]Reading
}

// Describe implements prometheus.Collector.
func (c *gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *gauges) Collect(to chan<- prometheus.Metric) {
	for i, readings := range c.read() {
		for _, r := range readings {
			to <- prometheus.MustNewConstMetric(c.descs[i], prometheus.GaugeValue, r.Value, r.Labels...)
		}
	}
}

func keys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
