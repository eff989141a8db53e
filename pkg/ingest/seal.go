package ingest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// seal takes the fields that a profile seals out of an alert and puts them into a box.
func (d *Door) seal(src *plan.Source, a *alert.Alert) error {
	taken := map[string]any{}
	var attributes map[string]json.RawMessage
	for _, field := range src.Seal {
		name, attribute := strings.CutPrefix(field, "attributes.")
		if !attribute {
			if a.Text != "" {
				taken[field], a.Text = a.Text, ""
			}
			continue
		}
		if attributes == nil && len(a.Attributes) > 0 {
			if err := json.Unmarshal(a.Attributes, &attributes); err != nil {
				return fmt.Errorf("attributes of an alert that was checked: %w", err)
			}
		}
		if v, ok := attributes[name]; ok {
			taken[field] = v
			delete(attributes, name)
		}
	}
	if len(taken) == 0 {
		return nil
	}
	var err error
	if attributes != nil {
		a.Attributes = nil
		if len(attributes) > 0 {
			if a.Attributes, err = json.Marshal(attributes); err != nil {
				return err
			}
		}
	}
	plain, err := json.Marshal(taken)
	if err != nil {
		return err
	}
	fields := make([]string, 0, len(taken))
	for _, field := range src.Seal {
		if _, ok := taken[field]; ok {
			fields = append(fields, field)
		}
	}
	a.Sealed = d.o.Keyring.Seal(a.AlertID, fields, plain)
	return nil
}

// Unsealed returns what is sealed of an alert, by field.
func (d *Door) Unsealed(a *alert.Alert) (map[string]json.RawMessage, error) {
	if a.Sealed == nil {
		return nil, alert.Errorf(alert.CodeNotFound, "nothing is sealed of alert %s", a.AlertID)
	}
	plain, err := d.o.Keyring.Open(a.AlertID, a.Sealed)
	if err != nil {
		return nil, alert.Errorf(alert.CodeUnavailable, "what is sealed of alert %s does not open: %v", a.AlertID, err)
	}
	var fields map[string]json.RawMessage
	return fields, json.Unmarshal(plain, &fields)
}
