/* What a shell needs so that it asks the program at every TAB: one short script each. See completion.h.
 *
 * Source: the manuals of bash ("Programmable Completion"), zsh (zshcompsys) and fish (complete). The program asked is
 * the one on the line, so that a build tree and an installation each answer for themselves. */
#include "dse/completion/completion.h"

#include "base/text.h"
#include <string.h>

/* Words are cut at blanks, not at COMP_WORDBREAKS, which holds = and :, and candidates lose what readline keeps. */
static const char bash[] =
    "# Completion of dse in bash: dse --completion bash\n"
    "_dse() {\n"
    "  local line=${COMP_LINE:0:COMP_POINT} program=${COMP_WORDS[0]/#\\~/$HOME} kept='' tail answer extension\n"
    "  local -a words answers\n"
    "  read -ra words <<<\"$line\"\n"
    "  if [[ $line == *[[:space:]] ]]; then words+=(''); fi\n"
    "  COMPREPLY=()\n"
    "  tail=${words[-1]}\n"
    "  if [[ $tail == *[=:]* ]]; then kept=${tail%\"${tail##*[=:]}\"} tail=${tail##*[=:]}; fi\n"
    "  mapfile -t answers < <(\"$program\" --complete \"${words[@]:1}\" 2>/dev/null)\n"
    "  for answer in \"${answers[@]}\"; do\n"
    "    case $answer in\n"
    "    :open) compopt -o nospace 2>/dev/null ;;\n"
    "    :folders | :files*)\n"
    "      compopt -o filenames 2>/dev/null\n"
    "      mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -d -- \"$tail\")\n"
    "      for extension in ${answer#:* }; do\n"
    "        case $extension in\n"
    "        :folders) ;;\n"
    "        :files) mapfile -t COMPREPLY < <(compgen -f -- \"$tail\") ;;\n"
    "        *) mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -X \"!*.$extension\" -- \"$tail\") ;;\n"
    "        esac\n"
    "      done\n"
    "      ;;\n"
    "    *) answer=${answer%%$'\\t'*} && COMPREPLY+=(\"${answer#\"$kept\"}\") ;;\n"
    "    esac\n"
    "  done\n"
    "}\n"
    "complete -F _dse dse\n";

static const char zsh[] =
    "#compdef dse\n"
    "# Completion of dse in zsh: dse --completion zsh\n"
    "_dse() {\n"
    "  local answer\n"
    "  local -a answers values files open\n"
    "  answers=(\"${(@f)$(\"${${(Q)words[1]}/#\\~/$HOME}\" --complete \"${(@Q)words[2,CURRENT-1]}\" \"${(Q)PREFIX}\" "
    "2>/dev/null)}\")\n"
    "  for answer in $answers; do\n"
    "    case $answer in\n"
    "      :open) open=(-S '') ;;\n"
    "      :folders) files=(-/) ;;\n"
    "      :files) files=(-g '*') ;;\n"
    "      :files\\ *) files=(-g \"*.(${${answer#:files }// /|})(-.)\") ;;\n"
    "      *) values+=(\"${${answer%%$'\\t'*}//:/\\\\:}:${answer#*$'\\t'}\") ;;\n"
    "    esac\n"
    "  done\n"
    "  local -i found=1\n"
    "  if (( $#values )); then _describe -t values 'dse' values \"${open[@]}\" && found=0; fi\n"
    "  if (( $#files )); then\n"
    "    [[ $PREFIX == --*=* ]] && compset -P '*='\n"
    "    _files $files && found=0\n"
    "  fi\n"
    "  return found\n"
    "}\n"
    "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _dse \"$@\"; else compdef _dse dse; fi\n";

static const char fish[] =
    "# Completion of dse in fish: dse --completion fish\n"
    "function __dse_complete\n"
    "  set -l words (commandline -opc)\n"
    "  set -l current (commandline -ct)\n"
    "  set -l program (string replace -r '^~' $HOME -- $words[1])\n"
    "  set -e words[1]\n"
    "  for answer in ($program --complete $words \"$current\" 2>/dev/null)\n"
    "    set -l kept (string replace -r -- '^(--[^=]*=)?.*' '$1' \"$current\")\n"
    "    set -l path (string replace -r -- '^--[^=]*=' '' \"$current\")\n"
    "    switch $answer\n"
    "      case :open\n"
    "      case :folders\n"
    "        printf '%s\\n' $kept(__fish_complete_directories \"$path\" '')\n"
    "      case ':files*'\n"
    "        set -l extensions (string split ' ' -- $answer)[2..-1]\n"
    "        test \"$answer\" = :files; and set extensions ''\n"
    "        for extension in $extensions\n"
    "          set -l ending (string replace -r '^(.+)' '.$1' -- $extension)\n"
    "          printf '%s\\n' $kept(complete -C \"'' $path\" | string match -r -- '^[^\\t]*(?:/|'$ending')(?=\\t|$)')\n"
    "        end\n"
    "      case '*'\n"
    "        printf '%s\\n' $answer\n"
    "    end\n"
    "  end\n"
    "end\n"
    "complete -c dse -f -a '(__dse_complete)'\n";

bool completion_script(const char *shell, FILE *out, struct error *error) {
  static const char *const names[] = {"bash", "zsh", "fish"}, *const scripts[] = {bash, zsh, fish};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(shell, names[i]) == 0) return fputs(scripts[i], out) >= 0;
  }
  const char *nearest = text_nearest(shell, names, sizeof names / sizeof *names);
  return error_add(error, STATUS_INPUT, "dse --completion: \"%s\" is none of bash, zsh, fish%s%s%s", shell,
                   nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "?" : "");
}
