#!/bin/bash
# Do the pages say what is so? Every command of the README, the tutorial and their neighbours is typed, and must print what
# stands there; pages that are made from the program's tables are what it would make today; every link and every § leads
# somewhere. And each of these judges can say no.
# shellcheck source=tests/cli/harness.sh disable=SC2016 # backquotes of Markdown
source "$(dirname "$0")/harness.sh"

# What compiles an algorithm needs the objects of the ordinary build; sanitized or serial ones are tried without it.
options=(--dse "$dse")
[[ $(realpath "$BUILD") == "$root/build/release" && $MPI == yes ]] || options+=(--no-build)
[[ $MPI == yes ]] || options+=(--no-mpi)

check 'pages made from tables: scripts/docs' scripts/docs check --dse "$dse"
check 'fields of JSON: docs/json.md' scripts/docs fields --dse "$dse"
check 'links and sections' scripts/docs links
check 'commands, options, files and keys that pages name' scripts/docs-commands --dse "$dse"
for page in README.md docs/{tutorial,first-hour,cite,install,partition,placement,sharding,tenancy,scaling,systems}.md; do
  check "commands of $page" scripts/docs run "$page" "${options[@]}"
done

# The README's table of questions: each mapping problem as it is asked there.
mapfile -t questions < <(grep -oE '`dse map [^`]*`' README.md | tr -d '`')
check 'the README asks four kinds of mapping' test ${#questions[@]} -eq 4
for question in "${questions[@]}"; do
  read -ra words <<<"$question"
  check "README: $question" "$dse" "${words[@]:1}" --quiet
done

# --- the judges judged ------------------------------------------------------------------------------------------------
page() { # BLOCK'S LINES
  { echo 'A page.' && echo && echo '```console' && printf '%s\n' "$@" && echo '```'; } >"$folder/page.md"
}
page '$ echo one two; echo three' 'one …' 'three'
check 'a page that is right' scripts/docs run "$folder/page.md" --dse "$dse" --no-build
page '$ seq 5' '1' '…' '5'
check 'lines that are cut out' scripts/docs run "$folder/page.md" --dse "$dse" --no-build
page '$ seq 5' '1' '…' '4'
refute 'a last line that is another' scripts/docs run "$folder/page.md" --dse "$dse" --no-build
page '$ sh -c "exit 3"'
refute 'an exit status that is not said' scripts/docs run "$folder/page.md" --dse "$dse" --no-build
page '$ echo more' 'more' 'and more'
refute 'a line that is not printed' scripts/docs run "$folder/page.md" --dse "$dse" --no-build
printf '```sh\nfalse\ntrue\n```\n' >"$folder/page.md"
refute 'a script that fails in its midst' scripts/docs run "$folder/page.md" --dse "$dse" --no-build
page '$ echo "new word"' 'old word'
check 'update' scripts/docs update "$folder/page.md" --dse "$dse" --no-build
check 'update: puts down what is printed' grep -qx 'new word' "$folder/page.md"

for wrong in 'dse explor configs/quickstart.cfg' 'dse explore configs/quickstart.cfg --sed 3' 'dse plan configs/quick.cfg' \
  'dse why configs/quickstart.cfg --set limits.tpd_w=3' 'build/dse map tenancy results/published/none.csv' 'scripts/opcost --tabels X'; do
  echo "Type \`$wrong\`." >"$folder/page.md"
  refute "a command that is none: $wrong" scripts/docs-commands "$folder/page.md" --dse "$dse"
  printf '```\nmpirun -n 2 %s | tail # all\n```\n' "$wrong" >"$folder/page.md"
  [[ $wrong == scripts/* ]] || refute "a command that is none, in a block: $wrong" scripts/docs-commands "$folder/page.md" --dse "$dse"
done
echo 'As `dse explore RUN.cfg --set limits.…=3` and `dse map tenancy jobs/ --algorithm all` do, `scripts/docs` too.' >"$folder/page.md"
check 'commands that can be typed' scripts/docs-commands "$folder/page.md" --dse "$dse"

mkdir "$folder/copy" && cp -a .git scripts docs README.md "$folder/copy"
sed -i 's/|`limits.tdp_w`|number/|`limits.tdp_w`|text/' "$folder/copy/docs/reference.md"
refute "a table that is not the program's" "$folder/copy/scripts/docs" check --dse "$dse"
sed -i 's/`any_schedule_bound`/`some_bound`/' "$folder/copy/docs/json.md"
for folder_of in configs workloads arch tests; do ln -s "$root/$folder_of" "$folder/copy/$folder_of"; done
refute 'a field that no page names' "$folder/copy/scripts/docs" fields --dse "$dse"
for wrong in '[a page](nowhere.md)' '[a heading](README.md#nowhere)' '[§99z](docs/models/bounds.md)'; do
  echo "$wrong" >"$folder/copy/WRONG.md"
  refute "links: $wrong" "$folder/copy/scripts/docs" links
done

finish
