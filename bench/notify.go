package main

import "context"

func (d *driver) notifies(ctx context.Context) error { return nil }
func (d *driver) areas(ctx context.Context) error { return nil }
