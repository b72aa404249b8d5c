# Completion of lback in bash. Load it with: source <(lback completion bash)

_lback() {
    local answer word
    COMPREPLY=()
    if answer=$(
        _LBACK_COMPLETE=bash _LBACK_LINE="${COMP_LINE:0:COMP_POINT}" _LBACK_BREAKS="$COMP_WORDBREAKS" \
            "$1" 2> /dev/null
    ); then
        while IFS= read -r word; do
            [[ -n $word ]] && COMPREPLY+=("$word")
        done <<< "$answer"
        # The value of an attribute follows its name without a space.
        [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2> /dev/null
    else
        compopt -o default 2> /dev/null
    fi
    return 0
}

complete -F _lback lback
