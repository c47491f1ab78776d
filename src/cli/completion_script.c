/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scripts that connect the shells to `souk internal complete`. */
#include "complete.h"

/* The words are taken from the line itself: bash breaks its own at ':' and '=', which image names and options hold. */
static const char bash[] =
        "# bash completion for souk\n"
        "_souk() {\n"
        "        local line=${COMP_LINE:0:COMP_POINT} cur lines candidate strip=\n"
        "        local -a words\n"
        "        read -ra words <<<\"$line\"\n"
        "        [[ $line == *[[:space:]] ]] && words+=('')\n"
        "        cur=${words[${#words[@]}-1]}\n"
        "        COMPREPLY=()\n"
        "        mapfile -t lines < <(\"${words[0]}\" internal complete -- \"${words[@]:1}\" 2>/dev/null)\n"
        "        case ${lines[0]-} in\n"
        "        :files)\n"
        "                compopt -o filenames 2>/dev/null\n"
        "                mapfile -t COMPREPLY < <(compgen -f -- \"${cur##*=}\")\n"
        "                return\n"
        "                ;;\n"
        "        :dirs)\n"
        "                compopt -o filenames 2>/dev/null\n"
        "                mapfile -t COMPREPLY < <(compgen -d -- \"${cur##*=}\")\n"
        "                return\n"
        "                ;;\n"
        "        esac\n"
        "        [[ $cur == *=* && $COMP_WORDBREAKS == *=* ]] && strip=${cur%\"${cur##*=}\"}\n"
        "        [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]] && strip=${cur%\"${cur##*:}\"}\n"
        "        for candidate in \"${lines[@]}\"; do\n"
        "                candidate=${candidate%%$'\\t'*}\n"
        "                [[ $candidate == \"$cur\"* ]] && COMPREPLY+=(\"${candidate#\"$strip\"}\")\n"
        "        done\n"
        "}\n"
        "complete -F _souk souk\n";

static const char zsh[] =
        "#compdef souk\n"
        "# zsh completion for souk\n"
        "_souk() {\n"
        "        local -a lines candidates\n"
        "        local line tab=$'\\t'\n"
        "        lines=(\"${(@f)$(\"${words[1]}\" internal complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
        "        case ${lines[1]} in\n"
        "        (:files) compset -P '*='; _files; return ;;\n"
        "        (:dirs) compset -P '*='; _files -/; return ;;\n"
        "        ('') return 1 ;;\n"
        "        esac\n"
        "        for line in \"${lines[@]}\"; do\n"
        "                if [[ $line == *$tab* ]]; then\n"
        "                        candidates+=(\"${${line%%$tab*}//:/\\\\:}:${line#*$tab}\")\n"
        "                else\n"
        "                        candidates+=(\"${line//:/\\\\:}\")\n"
        "                fi\n"
        "        done\n"
        "        _describe -V souk candidates\n"
        "}\n"
        "if [[ $funcstack[1] == _souk ]]; then\n"
        "        _souk \"$@\"\n"
        "else\n"
        "        compdef _souk souk\n"
        "fi\n";

static const char fish[] = "# fish completion for souk\n"
                           "function __souk_complete\n"
                           "        set -l words (commandline -opc)\n"
                           "        set -l cur (commandline -ct)\n"
                           "        set -l lines ($words[1] internal complete -- $words[2..-1] $cur 2>/dev/null)\n"
                           "        switch \"$lines[1]\"\n"
                           "                case ':files'\n"
                           "                        __fish_complete_path (string replace -r '.*=' '' -- $cur)\n"
                           "                case ':dirs'\n"
                           "                        __fish_complete_directories (string replace -r '.*=' '' -- $cur)\n"
                           "                case '*'\n"
                           "                        printf '%s\\n' $lines\n"
                           "        end\n"
                           "end\n"
                           "complete -c souk -f -a '(__souk_complete)'\n";

const char *completion_script(const char *shell) {
        static const struct {
                const char *shell, *text;
        } scripts[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };
        for (size_t i = 0; i < ELEMENTSOF(scripts); i++)
                if (streq(scripts[i].shell, shell))
                        return scripts[i].text;
        return NULL;
}
