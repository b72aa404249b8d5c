# Completion of lback in fish. Load it with: lback completion fish | source

function __lback_complete
    set -l program (commandline -opc)[1]
    if set -l answer (_LBACK_COMPLETE=fish _LBACK_LINE=(commandline -cp | string collect) $program 2> /dev/null)
        string join \n -- $answer
    else
        __fish_complete_path (commandline -ct)
    end
end

complete --command lback --no-files --keep-order --arguments '(__lback_complete)'
