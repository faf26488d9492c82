#!/bin/bash
# How fast does a search of partitions get good? `--convergence` of `dse map partition`: rows are improvements, in order,
# and end with the value that is printed.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
instance=tests/data/partition/instances/pd_gnmt-clone-bw32.json

runs 0 'one search' "$dse" map partition $instance --algorithm anneal --samples 400 --json \
  --convergence "$folder/one.csv"
cp "$folder/out" "$folder/one.json"
holds 'columns' 'list(a[0]) == ["algorithm", "sample", "cpu_s", "value_ms"]' "$folder/one.csv"
holds 'ever better, ever later' 'len(a) > 3 and all(float(x["value_ms"]) > float(y["value_ms"]) and
  int(x["sample"]) < int(y["sample"]) and float(x["cpu_s"]) <= float(y["cpu_s"]) for x, y in zip(a[:-2], a[1:-1]))' \
  "$folder/one.csv"
holds 'begins with the first sample, ends with the last and the value' 'a[0]["sample"] == "1" and
  a[-1]["sample"] == "400" and float(a[-1]["value_ms"]) == float(a[-2]["value_ms"]) == b["value"]' \
  "$folder/one.csv" "$folder/one.json"

runs 0 'several searches' "$dse" map partition $instance --algorithm random,genetic,greedy --samples 400 \
  --convergence "$folder/all.csv"
cp "$folder/out" "$folder/all_values.csv"
holds 'each ends with its value' 'all(float([r for r in a if r["algorithm"] == row["algorithm"]][-1]["value_ms"]) ==
  float(row["value"]) for row in b) and len(b) == 3' "$folder/all.csv" "$folder/all_values.csv"
runs 0 'again for a time' "$dse" map partition $instance --algorithm random --time 0.2 --convergence "$folder/time.csv"
cp "$folder/out" "$folder/time_values.csv"
holds 'samples are counted on' 'a[-1]["sample"] == b[0]["samples"] and int(b[0]["samples"]) > 5000 and
  all(int(x["sample"]) < int(y["sample"]) for x, y in zip(a[:-2], a[1:-1]))' "$folder/time.csv" \
  "$folder/time_values.csv"
runs 2 'not of other problems' "$dse" map placement tests/data/placement/pair.json --convergence "$folder/none.csv"
says 'whose it is' 'convergence'
finish
