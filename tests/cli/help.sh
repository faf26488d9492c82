#!/bin/bash
# Does the program explain itself? Help of every command, examples that run as they are printed, nearest names for typing
# errors, the version, the man page.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"

# --- the screens ----------------------------------------------------------------------------------------------------
runs 0 'dse alone' "$dse"
cp "$folder/out" "$folder/overview"
check 'the overview is one screen' test "$(wc -l <"$folder/overview")" -le 40
silent 'dse alone' err
for word in --help help; do
  runs 0 "dse $word" "$dse" "$word"
  check "dse $word is the overview" cmp "$folder/overview" "$folder/out"
done
mapfile -t commands < <(sed -n 's/^  dse \([a-z]*\) .*/\1/p' "$folder/overview")
check 'there are commands' test ${#commands[@]} -ge 8

for command in "${commands[@]}"; do
  runs 0 "$command --help" "$dse" "$command" --help
  silent "$command --help" err
  cp "$folder/out" "$folder/help-$command"
  check "$command --help: usage" grep -q "^usage: dse $command" "$folder/out"
  check "$command --help: two examples" test "$(sed '1,/^examples:/d' "$folder/out" | grep -c 'dse ')" -ge 2
  for option in --set --json --quiet --verbose --help; do
    check "$command --help: $option" grep -q -- "^  $option " "$folder/out"
  done
done

runs 0 'help COMMAND' "$dse" help explore
check 'help COMMAND: as --help' cmp "$folder/out" "$folder/help-explore"
runs 2 'help of nothing' "$dse" help exlore
says 'help of nothing' 'did you mean explore?'

# --- every example, as printed, in order, in a folder where a user has the sources and a program on the path ----------
mkdir "$folder/path" "$folder/here"
ln -s "$dse" "$folder/path/dse"
for item in configs workloads arch tests; do ln -s "$root/$item" "$folder/here/$item"; done
cd "$folder/here" || exit 1
for command in "${commands[@]}"; do
  mapfile -t examples < <(sed '1,/^examples:/d; s/^  //' "$folder/help-$command")
  for example in "${examples[@]}"; do
    [[ -n $example ]] || continue
    [[ $MPI == no && $example == mpirun* ]] && continue
    # One that a limit breaks (status 3) has run; what an example must not do is fail.
    answer=0
    PATH=$folder/path:$PATH timeout 600 bash -c "$example" >"$folder/out" 2>"$folder/err" </dev/null || answer=$?
    [[ $command == evaluate && $answer == 3 ]] && answer=0
    verdict "example: $example" "$answer" <"$folder/err"
    check "example says something: $example" test -s "$folder/out" -o -s "$folder/err"
  done
done
cd "$root" || exit 1

# --- typing errors ----------------------------------------------------------------------------------------------------
while read -r typed wanted; do
  runs 2 "dse $typed" "$dse" "$typed"
  says "dse $typed: nearest" "did you mean $wanted?"
  silent "dse $typed" out
done <<'TYPED'
evalute evaluate
expore explore
chek check
signatur signature
lst list
TYPED
runs 2 'dse xylophone' "$dse" xylophone
says 'dse xylophone: where to look' 'dse --help'
refute 'dse xylophone: no guess' grep -q 'did you mean' "$folder/err"
while read -r command typed wanted; do
  runs 2 "dse $command $typed" "$dse" "$command" "$typed"
  says "dse $command $typed: nearest" "unknown option $typed; did you mean $wanted?"
done <<'TYPED'
explore --sed --seed
explore --maxtime --max-time
explore --frsh --fresh
resume --salvge --salvage
evaluate --desing --design
check --prnt --print
cost --acelerator --accelerator
map --html --report
compare --report --html
explore --output --out
show --graf --graph
list --jsn --json
TYPED
runs 2 'an option without its value' "$dse" explore configs/quickstart.cfg --seed
says 'an option without its value' '--seed wants a value'
runs 2 '--set without =' "$dse" check configs/quickstart.cfg --set batch
says '--set without =' 'write --set path=value'
runs 2 '--seed that is no number' "$dse" explore configs/quickstart.cfg --seed 23x --out "$folder/never"
check '--seed that is no number: no folder' test ! -e "$folder/never"
runs 2 '--max-time that is no number' "$dse" explore configs/quickstart.cfg --max-time soon --out "$folder/never"
says '--max-time that is no number' '--max-time: "soon"'
check '--max-time that is no number: no folder' test ! -e "$folder/never"
for command in explore resume evaluate show check; do
  runs 2 "dse $command without its words" "$dse" "$command"
  says "dse $command without its words" "usage: dse $command"
done
runs 2 'a word too many' "$dse" check configs/quickstart.cfg another.cfg
says 'a word too many' 'usage: dse check'

# --- version and man page ---------------------------------------------------------------------------------------------
runs 0 '--version' "$dse" --version
for line in 'dse [0-9]' 'commit .' 'compiler .' 'mpi .' 'libraries .*gsl .*jansson .*zlib '; do
  check "--version: $line" grep -q "^$line" "$folder/out"
done
runs 0 '--version --json' "$dse" --version --json
cp "$folder/out" "$folder/version.json"
holds '--version --json' '{"version", "commit", "compiler", "mpi", "libraries"} <= a.keys()' "$folder/version.json"
runs 0 '--man' "$dse" --man
cp "$folder/out" "$folder/dse.1"
if command -v mandoc >/dev/null; then check '--man is clean' mandoc -T lint -W error "$folder/dse.1"; fi
for command in "${commands[@]}"; do check "--man has $command" grep -q "^\.It Cm $command" "$folder/dse.1"; done

finish
