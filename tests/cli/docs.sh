#!/bin/bash
# Do the pages say what is so? Pages that are made from the program's tables are what it would make today, and every link
# and every § leads somewhere.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"

check 'pages made from tables: scripts/docs' scripts/docs check --dse "$dse"
check 'links and sections' scripts/docs links

finish
