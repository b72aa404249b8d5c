#!/usr/bin/env bash
# Deactivate the users whose names are on standard input, in one lback process, and list who was active until now.
set -euo pipefail

coproc LBACK { exec lback run - --keep-going --quiet -o jsonl; }

quoted() { # as one word of a command line
    printf "'%s'" "${1//\'/\'\\\'\'}"
}

ask() { # sets $answer
    printf '%s\n' "$1" >&"${LBACK[1]}"
    IFS= read -r answer <&"${LBACK[0]}"
}

while IFS= read -r name; do
    ask "user update $(quoted "$name") --deactivate"
    case $answer in
        *'"outcome": "updated"'*) printf '%s\n' "$name" ;;
        *'"exit": 0'*) ;; # was inactive already
        *) printf '%s: %s\n' "$name" "$answer" >&2 ;;
    esac
done

pid=$LBACK_PID
exec {LBACK[1]}>&- # the end of its input ends it
wait "$pid"
