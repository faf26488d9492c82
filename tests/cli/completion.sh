#!/bin/bash
# Do shells complete what the program knows? The program's own answers, then what bash, zsh and fish make of them.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"

# The candidates for the last of the words, without their meanings.
answer() { "$dse" --complete "$@" | cut -f 1 >"$folder/answer"; }
offers() { check "$1 is offered" grep -qxF -- "$1" "$folder/answer"; }
not_offered() { refute "$1 is not offered" grep -qxF -- "$1" "$folder/answer"; }

# --- the program ------------------------------------------------------------------------------------------------------
"$dse" | sed -n 's/^  dse \([a-z]*\) .*/\1/p' >"$folder/commands"
answer ''
grep -v '^--' "$folder/answer" >"$folder/offered"
check 'the commands are those of the overview' cmp "$folder/commands" "$folder/offered"
while read -r command; do
  "$dse" "$command" --help | sed -n '/^options:/,/^examples:/s/^  \(--[a-z-]*\).*/\1/p' >"$folder/options"
  answer "$command" --
  check "$command: the options are those of its help" cmp "$folder/options" "$folder/answer"
done <"$folder/commands"
answer expl
check 'a beginning leaves what begins so' test "$(cat "$folder/answer")" = explore
check 'a meaning stands behind a tab' grep -qP '^explore\tthe main job' <("$dse" --complete expl)

while IFS='|' read -r words wanted unwanted; do
  read -ra typed <<<"$words"
  [[ $words != *' ' ]] || typed+=('')
  answer "${typed[@]}"
  offers "$wanted"
  [[ -z $unwanted ]] || not_offered "$unwanted"
done <<'CASES'
explore |:files cfg|:files
explore a.cfg --out |:folders|:files
explore --out=|:folders|:files
resume |:folders|
status one two |:folders|
why |:files cfg|
evaluate a.cfg --schedule |:files|
evaluate a.cfg --design tpuv|tpuv4|a100
evaluate a.cfg --design tc_count=4,tc_r|tc_count=4,tc_rows=|tc_count=4,tpuv4
evaluate a.cfg --design hbm_generation=|hbm_generation=2e|
explore a.cfg --set limits.a|limits.area_mm2=|limits.tdp_w=
explore a.cfg --set search.algorithm=g|search.algorithm=guided|search.algorithm=random
explore a.cfg --set=search.algorithm=g|--set=search.algorithm=guided|
explore a.cfg --set search.prove=|search.prove=true|
explore a.cfg --set workload=resnet5|workload=resnet50|workload=bert-base
compare a.cfg --algorithms random,gui|random,guided|guided
map |tenancy|:files
map tenancy |:files|tenancy
map tenancy x --algorithm |magma|h2h
map placement x --algorithm |heft|magma
map partition --|--algorithm|--arrivals
judge |partition|stages
cost --ops |:files csv|
cost --accelerator |tpuv4|
cost --provider |physical|
cost --set cost.|cost.dataflow=|
show |workload|
show workload bert|bert-large|resnet50
list |catalogue|
list catalogue tpuv|tpuv4|a100
list collectives |ring|
list workloads bert|bert-base|
list keys limits.t|limits.tdp_w|limits.area_mm2
calibrate |chips|
calibrate chips --law |specification|
schedules a.cfg --networks resnet18,bert-|resnet18,bert-base|
--completion |fish|
CASES
answer explore a.cfg --seed ''
check 'nothing is offered where only the user knows' test ! -s "$folder/answer"
answer nonsense ''
check 'nothing is offered for an unknown command' test ! -s "$folder/answer"
runs 0 'no word at all' "$dse" --complete
runs 2 'a shell that is none of the three' "$dse" --completion zhs
says 'a shell that is none of the three' 'did you mean zsh?'

# --- the shells, in a folder with something to find ---------------------------------------------------------------------
mkdir -p "$folder/path" "$folder/here/configs" "$folder/here/results-one" "$folder/functions"
ln -s "$dse" "$folder/path/dse"
touch "$folder/here/quick.cfg" "$folder/here/notes.txt"
cd "$folder/here" || exit 1
export PATH=$folder/path:$PATH
for shell in bash zsh fish; do
  runs 0 "--completion $shell" "$dse" --completion "$shell"
  cp "$folder/out" "$folder/script.$shell"
done

# A shell on a terminal of its own: types a line and a TAB, and asks the shell what stands there then.
cat >"$folder/type.py" <<'PYTHON'
import os, pty, select, sys, time
shell, script, log, lines = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
setup = {
    "bash": "source {script}; bind -x '\"\\C-p\": printf \"%s\\n\" \"$READLINE_LINE\" >>{log}; READLINE_LINE='",
    "zsh": "fpath=({script} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt beep; "
           "tell() {{ print -r -- \"$BUFFER\" >>{log}; BUFFER=; }}; zle -N tell; bindkey '^P' tell",
    "fish": "source {script}; bind \\cp 'commandline >>{log}; commandline \"\"'",
}[shell].format(script=script, log=log)
arguments = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"], "fish": ["--no-config", "-i"]}[shell]
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb" if shell != "fish" else "xterm", COLUMNS="200")
    os.execvp(shell, [shell] + arguments)
def drain(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end and select.select([terminal], [], [], 0.02)[0]:
        try: os.read(terminal, 65536)
        except OSError: return
def n_told():
    try: return sum(1 for _ in open(log))
    except FileNotFoundError: return 0
def wait_for(done):
    end = time.monotonic() + 150
    while not done() and time.monotonic() < end: drain(0.2)
def type_in(text): os.write(terminal, text.encode())
drain(1)
type_in(setup + "; touch " + log + "\n")
wait_for(lambda: os.path.exists(log))
answers = []
for line in lines:
    # The completion runs before the next key is read; fish, which completes beside its loop, gets a moment, and a longer
    # one if that was too short.
    for moment_s in (0.5, 2, 8) if shell == "fish" else (0.5,):
        n_before = n_told()
        time.sleep(0.3)
        drain(1)
        type_in(line + "\t")
        time.sleep(moment_s)
        drain(1)
        type_in("\x10")
        wait_for(lambda: n_told() > n_before)
        answer = open(log).readlines()[-1:]
        if answer != [line + "\n"]: break
    answers += answer
with open(log, "w") as file: file.writelines(answers)
os.close(terminal)
os.waitpid(pid, 0)
PYTHON
mv "$folder/script.zsh" "$folder/functions/_dse"
mapfile -t lines <<'LINES'
dse expl|dse explore
dse explore --max|dse explore --max-time
dse explore q|dse explore quick.cfg
dse explore quick.cfg --out re|dse explore quick.cfg --out results-one/
dse explore quick.cfg --out=re|dse explore quick.cfg --out=results-one/
dse map tenancy x --algorithm her|dse map tenancy x --algorithm herald-like
dse list cat|dse list catalogue
dse show workload resnet5|dse show workload resnet50
dse explore quick.cfg --set search.algorithm=gui|dse explore quick.cfg --set search.algorithm=guided
dse cost --accelerator tpuv5p|dse cost --accelerator tpuv5p
LINES
for shell in bash zsh fish; do # side by side: they wait more than they work
  command -v "$shell" >/dev/null || continue
  script=$folder/script.$shell
  [[ $shell != zsh ]] || script=$folder/functions
  timeout -k 5 600 python3 "$folder/type.py" "$shell" "$script" "$folder/told.$shell" "${lines[@]%%|*}" \
    >"$folder/err.$shell" 2>&1 </dev/null &
done
wait
for shell in bash zsh fish; do
  if [[ ! -e $folder/err.$shell ]]; then
    echo "without $shell: what it makes of the answers was not tried"
    continue
  fi
  for i in "${!lines[@]}"; do
    told=$(sed -n "$((i + 1))p" "$folder/told.$shell" | sed 's/ *$//')
    check "$shell: ${lines[i]%%|*}: $told" test "$told" = "${lines[i]##*|}"
  done
done
finish
