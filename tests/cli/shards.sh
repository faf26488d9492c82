#!/bin/bash
# Problems of sharding from networks: `dse shards` as a user meets it. What the problems hold is tried in
# tests/unit/dse/test_sharding_table.c.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"

shards() { # NAME ARGUMENT...
  local name=$1
  shift
  runs 0 "shards $name" "$dse" shards configs/sharding.cfg --out "$folder/$name" "$@"
}

shards all
prints 'all: a line a problem' \
  'vgg16_1000-250.json: 21 layers, 20 edges, 8 boards at 1 and 0.25 GB/s; on one board 0.053612 s'
check 'all: thirteen networks, two speeds' test "$(find "$folder/all" -name '*.json' | wc -l)" = 26
holds 'all: the statement' 'a["format"] == "dse.sharding/1" and a["name"] == "vgg16_12000-6000" and
  a["intra_bytes_per_s"] == 12e9 and a["inter_bytes_per_s"] == 6e9 and len(a["boards"]) == 8 and
  [d["name"] for d in a["designs"]] == ["D1", "D2", "D3"] and len(a["layers"]["rows"]) == 21' \
  "$folder/all/vgg16_12000-6000.json"

shards one --json --set 'sharding.models=["mocap"]' --set 'sharding.intra_gbytes_per_s=[0.125]' \
  --set 'sharding.inter_gbytes_per_s=[0.125]' --set 'sharding.host_gbytes_per_s=[0.125]' \
  --set sharding.adaptive=false --set 'sharding.board_designs=["D1", "D2"]' --set sharding.placement=true
cp "$folder/out" "$folder/one.json"
holds 'one: the list' 'len(a) == 1 and a[0]["layers"] == 19 and a[0]["intra_bytes_per_s"] == 125e6 and
  a[0]["one_board_s"] > 0' "$folder/one.json"
holds 'one: a placement beside it' 'a["format"] == "dse.placement/1" and a["timing"] == "delay" and
  len(a["devices"]) == 8' "$folder/one/mocap_125-125.placement.json"
runs 0 'one: which can be solved' "$dse" map placement "$folder/one/mocap_125-125.placement.json" --algorithm h2h-step4
cp "$folder/out" "$folder/placed.csv"
holds 'one: by H2H' 'float(a[0]["value"]) > 0' "$folder/placed.csv"

runs 2 'no folder' "$dse" shards configs/sharding.cfg
says 'no folder: what is needed' 'dse shards: --out FOLDER is needed'
runs 2 'a mistake' "$dse" shards configs/sharding.cfg --out "$folder/no" --set 'sharding.es_dims=["X"]'
says 'a mistake: its key' 'sharding.es_dims: "X": allowed are Cout, Cin, H, W, Kh, Kw, B'
refute 'a mistake: nothing is written' test -e "$folder/no"

finish
