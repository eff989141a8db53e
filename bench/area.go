package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

const (
	places   = 10_000 // that one may be near to
	nearM    = 1000   // metres
	nearest  = 10
	askings  = 2000  // one after the other
	inMemory = 50000 // of what takes a microsecond
)

// areas compares what Banyan asks its own memory with what it would ask a database on the same machine.
func (d *driver) areas(ctx context.Context) error {
	city, points, err := d.crowded()
	if err != nil {
		return err
	}
	cameras, _ := city.Register("cameras")
	pg, stop, err := d.startPostGIS(ctx, city.Areas, cameras)
	if err != nil {
		return fmt.Errorf("PostGIS (apt-get install postgresql-postgis): %w", err)
	}
	defer stop()
	rd, stopRedis, err := d.startRedis(ctx, cameras)
	if err != nil {
		return err
	}
	defer stopRedis()
	c, err := startCentre(d, nil)
	if err != nil {
		return err
	}
	defer c.stop()
	type way struct {
		name string
		n    int
		ask  func(geo.Point) error
		seen []time.Duration
	}
	rest := make([]string, 0, 8)
	locate := []*way{
		{name: "H3 cell of a position (floor)", n: inMemory, ask: func(p geo.Point) error { _ = geo.CellAt(p); return nil }},
		{name: "Banyan, geo.Index.Locate, as the engine asks", n: inMemory, ask: func(p geo.Point) error { _ = city.Areas.Locate(p); return nil }},
		{name: "Banyan over HTTP, GET /areas/locate", n: min(askings, api.KeyBurst/d.rounds), ask: func(p geo.Point) error { return c.locate(ctx, p) }},
		{name: "PostGIS, prepared statement, ST_Covers with GiST", n: askings, ask: func(p geo.Point) error {
			rows, err := pg.Query(ctx, "locate", p.Lon, p.Lat)
			if err != nil {
				return err
			}
			rest, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		}},
	}
	near := []*way{
		{name: "Banyan, plan.Register.Near, as the server asks", n: inMemory / 10, ask: func(p geo.Point) error { _ = cameras.Near(p, nearM, nearest); return nil }},
		{name: "Redis, GEOSEARCH BYRADIUS 1 km ASC COUNT 10", n: askings, ask: func(p geo.Point) error {
			return rd.GeoSearchLocation(ctx, "cameras", &redis.GeoSearchLocationQuery{WithDist: true, GeoSearchQuery: redis.GeoSearchQuery{Longitude: p.Lon, Latitude: p.Lat, Radius: nearM, RadiusUnit: "m", Sort: "ASC", Count: nearest}}).Err()
		}},
		{name: "PostGIS, prepared statement, <-> with GiST", n: askings, ask: func(p geo.Point) error {
			rows, err := pg.Query(ctx, "near", p.Lon, p.Lat)
			if err != nil {
				return err
			}
			rest, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		}},
	}
	for _, group := range [][]*way{locate, near} {
		for range d.rounds {
			for _, w := range group {
				began := clock()
				for i := range w.n {
					if err := w.ask(points[i%len(points)]); err != nil {
						return fmt.Errorf("%s: %w", w.name, err)
					}
				}
				w.seen = append(w.seen, time.Duration(clock()-began)/time.Duration(w.n))
			}
		}
	}
	_ = rest
	inside, err := insidePostGIS(ctx, pg)
	if err != nil {
		return err
	}
	fmt.Printf("  which areas hold a position, mean of one after the other, %d positions\n", len(points))
	for _, w := range locate {
		fmt.Printf("    %-52s %9v\n", w.name, short(medianOf(w.seen)))
	}
	fmt.Printf("    %-52s %9v\n", "PostGIS, all positions joined in one statement", short(inside))
	fmt.Printf("  the %d nearest of %d within %d m\n", nearest, places, nearM)
	for _, w := range near {
		fmt.Printf("    %-52s %9v\n", w.name, short(medianOf(w.seen)))
	}
	d.table.kept = kept{}
	own := medianOf(locate[1].seen)
	d.table.add(row{figure: "area path of a position", value: short(own).String(), floor: fmt.Sprintf("%v H3 cell", short(medianOf(locate[0].seen))), peer: fmt.Sprintf("%v PostGIS, %v within one statement", short(medianOf(locate[3].seen)), short(inside)),
		ratio: fmt.Sprintf("%.4f × peer, %.2f × floor", ratio(own, medianOf(locate[3].seen)), ratio(own, medianOf(locate[0].seen))), aim: "< 1µs", met: own < time.Microsecond})
	nearOwn := medianOf(near[0].seen)
	d.table.under("10 nearest of 10,000 within 1 km", nearOwn, medianOf(locate[0].seen), "H3 cell", medianOf(near[1].seen), "Redis GEOSEARCH", 1)
	return nil
}

// crowded is the city with ten thousand cameras, and positions within its bounds to ask for.
func (d *driver) crowded() (*plan.City, []geo.Point, error) {
	dir, err := d.dir("city")
	if err != nil {
		return nil, nil, err
	}
	if err := os.CopyFS(dir, os.DirFS(d.cityDir)); err != nil {
		return nil, nil, err
	}
	f, err := os.Create(filepath.Join(dir, "registers", "cameras.csv"))
	if err != nil {
		return nil, nil, err
	}
	chance := rand.New(rand.NewPCG(1, 1))
	around := func() geo.Point {
		return geo.Point{Lon: d.city.Centre.Lon + (chance.Float64()-0.5)*0.2, Lat: d.city.Centre.Lat + (chance.Float64()-0.5)*0.2}
	}
	w := csv.NewWriter(f)
	_ = w.Write([]string{"id", "name", "lon", "lat"}) // Flush and Error tell
	for i := range places {
		p := around()
		_ = w.Write([]string{fmt.Sprintf("3501%016d", i), fmt.Sprintf("camera %d", i), strconv.FormatFloat(p.Lon, 'f', 6, 64), strconv.FormatFloat(p.Lat, 'f', 6, 64)})
	}
	w.Flush()
	if err := errors.Join(w.Error(), f.Close()); err != nil {
		return nil, nil, err
	}
	city, err := app.ReadCity(dir)
	points := make([]geo.Point, 4096)
	for i := range points {
		points[i] = around()
	}
	return city, points, err
}

// locate asks the server.
func (c *centre) locate(ctx context.Context, p geo.Point) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/api/v1/areas/locate?lon=%f&lat=%f", c.url, p.Lon, p.Lat), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.wall)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var out struct {
		Areas []json.RawMessage `json:"areas"`
	}
	err = json.NewDecoder(resp.Body).Decode(&out)
	if resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("locate: %s", resp.Status)
	}
	return err
}

// startPostGIS runs a cluster of its own with the city's areas and cameras in it.
func (d *driver) startPostGIS(ctx context.Context, areas *geo.Index, cameras *plan.Register) (*pgx.Conn, func(), error) {
	dir, err := d.dir("postgres")
	if err != nil {
		return nil, nil, err
	}
	as, err := postgresUser(dir)
	if err != nil {
		return nil, nil, err
	}
	bins, err := filepath.Glob("/usr/lib/postgresql/*/bin") // as Debian has it
	if err != nil || len(bins) == 0 {
		return nil, nil, errors.New("no /usr/lib/postgresql/*/bin")
	}
	postgis := bins[len(bins)-1]
	ready, _, err := launchAs(as, nil, postgis+"/initdb", "-D", dir+"/data", "-U", "bench", "-A", "trust", "-N")
	if err != nil {
		return nil, nil, err
	}
	if <-ready.done; ready.err != nil {
		return nil, nil, fmt.Errorf("initdb: %w: %s", ready.err, &ready.said)
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, nil, err
	}
	p, _, err := launchAs(as, nil, postgis+"/postgres", "-D", dir+"/data", "-p", strconv.Itoa(ports[0]), "-k", dir, "-h", "127.0.0.1", "-c", "jit=off")
	if err != nil {
		return nil, nil, err
	}
	fail := func(err error) (*pgx.Conn, func(), error) {
		p.stop()
		return nil, nil, err
	}
	if err := reachable(p, fmt.Sprintf("127.0.0.1:%d", ports[0])); err != nil {
		return fail(err)
	}
	var c *pgx.Conn
	for end := time.Now().Add(startTimeout); ; time.Sleep(50 * time.Millisecond) { // it listens before it is ready
		if c, err = pgx.Connect(ctx, fmt.Sprintf("host=%s port=%d user=bench dbname=postgres", dir, ports[0])); err == nil {
			break
		}
		if time.Now().After(end) {
			return fail(err)
		}
	}
	if err := fillPostGIS(ctx, c, areas, cameras); err != nil {
		return fail(errors.Join(err, c.Close(ctx)))
	}
	return c, func() {
		_ = c.Close(ctx)
		p.stop()
	}, nil
}

// postgresUser is who may run PostgreSQL: not root.
func postgresUser(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := lookup("postgres")
	if err != nil {
		return nil, err
	}
	return u, os.Chown(dir, int(u.Uid), int(u.Gid))
}

func fillPostGIS(ctx context.Context, c *pgx.Conn, areas *geo.Index, cameras *plan.Register) error {
	for _, sql := range []string{"CREATE EXTENSION postgis", "CREATE TABLE area (code text, shape geometry)", "CREATE TABLE camera (id text, at geometry)"} {
		if _, err := c.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	n := 0
	for a := range areas.Areas {
		shape, err := areas.Outline(a.Code)
		if err != nil || shape == nil {
			continue // has no outline of its own
		}
		if _, err := c.Exec(ctx, "INSERT INTO area VALUES ($1, ST_SetSRID(ST_GeomFromGeoJSON($2), 4326))", a.Code, string(shape)); err != nil {
			return fmt.Errorf("area %s: %w", a.Code, err)
		}
		n++
	}
	if n == 0 {
		return errors.New("no area has an outline")
	}
	var rows [][]any
	for _, e := range cameras.Entries {
		rows = append(rows, []any{e.ID, e.Location.Lon, e.Location.Lat})
	}
	if _, err := c.Exec(ctx, "CREATE TEMP TABLE raw (id text, lon float8, lat float8)"); err != nil {
		return err
	}
	if _, err := c.CopyFrom(ctx, pgx.Identifier{"raw"}, []string{"id", "lon", "lat"}, pgx.CopyFromRows(rows)); err != nil {
		return err
	}
	for _, sql := range []string{"INSERT INTO camera SELECT id, ST_SetSRID(ST_MakePoint(lon, lat), 4326) FROM raw",
		"CREATE INDEX ON area USING gist (shape)", "CREATE INDEX ON camera USING gist (at)", "ANALYZE"} {
		if _, err := c.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	if _, err := c.Prepare(ctx, "locate", "SELECT code FROM area WHERE ST_Covers(shape, ST_SetSRID(ST_MakePoint($1, $2), 4326))"); err != nil {
		return err
	}
	// The nearest by degrees stretched are not quite those by metres; that the index is used is what counts here.
	_, err := c.Prepare(ctx, "near", "SELECT id FROM camera ORDER BY at <-> ST_SetSRID(ST_MakePoint($1, $2), 4326) LIMIT 10")
	return err
}

// insidePostGIS is what one lookup costs within the database, without anybody asking: the cameras as positions.
func insidePostGIS(ctx context.Context, c *pgx.Conn) (time.Duration, error) {
	began, n := clock(), 0
	err := c.QueryRow(ctx, "SELECT count(*) FROM camera JOIN area ON ST_Covers(area.shape, camera.at)").Scan(&n)
	if err == nil && n < places {
		err = fmt.Errorf("%d pairs of a position and its area, at least %d are so", n, places)
	}
	return time.Duration(clock()-began) / places, err
}

func (d *driver) startRedis(ctx context.Context, cameras *plan.Register) (*redis.Client, func(), error) {
	dir, err := d.dir("redis")
	if err != nil {
		return nil, nil, err
	}
	socket := filepath.Join(dir, "redis.sock")
	p, _, err := launch(nil, "redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", dir)
	if err != nil {
		return nil, nil, err
	}
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: socket})
	stop := func() {
		_ = c.Close()
		p.stop()
	}
	for end := time.Now().Add(startTimeout); c.Ping(ctx).Err() != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			stop()
			return nil, nil, fmt.Errorf("redis-server does not answer: %s", &p.said)
		}
	}
	for _, e := range cameras.Entries {
		if err := c.GeoAdd(ctx, "cameras", &redis.GeoLocation{Name: e.ID, Longitude: e.Location.Lon, Latitude: e.Location.Lat}).Err(); err != nil {
			stop()
			return nil, nil, err
		}
	}
	return c, stop, nil
}
