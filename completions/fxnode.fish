# Completion of fxnode(1) for fish.
#
# Peers and transfers are asked of the running node; where none runs nothing is offered, since a command
# would start one. Names of peers are foreign: plain ones are offered, other peers by their id.

# The value of option $argv[1] on the command line, else $argv[2].
function __fxnode_value
    set -l words (commandline -opc)
    for i in (seq (count $words))
        if test "$words[$i]" = "$argv[1]"; and set -q words[(math $i + 1)]
            echo $words[(math $i + 1)]
            return
        else if string match -q -- "$argv[1]=*" $words[$i]
            string replace -- "$argv[1]=" '' $words[$i]
            return
        end
    end
    echo $argv[2]
end

# Whether somebody listens on this socket. A socket file may be left over from a node that is gone.
function __fxnode_listens
    test -n "$argv[1]"; and sed 's|^[^/@]*||' /proc/net/unix 2>/dev/null | grep -qxF -- $argv[1]
end

# What the running node answers to a command: nothing without a node, or where it takes too long.
function __fxnode_ask
    set -l state (__fxnode_value --state "$FXNODE_STATE")
    set -l socket (__fxnode_value --socket "$FXNODE_SOCKET")
    set -l fallback
    if test -z "$state"
        set state $HOME/.local/state/fxnode
        test -n "$XDG_STATE_HOME"; and set state $XDG_STATE_HOME/fxnode
        test -n "$XDG_RUNTIME_DIR"; and set fallback $XDG_RUNTIME_DIR/fxnode/control
    end
    test -n "$fallback"; or set fallback $state/control
    if test -z "$socket"
        test -r $state/lock; and set socket (cat $state/lock)
        __fxnode_listens "$socket"; or set socket $fallback
    end
    __fxnode_listens "$socket"; or return
    timeout 2 fxnode $argv --json --state $state --socket $socket </dev/null 2>/dev/null
end

# Peers of which a regular expression is true in what the node says of them.
function __fxnode_peers
    __fxnode_ask peers --wait 0 | sed -nE -e '/"event":"peer"/!d' -e "/$argv[1]/!d" \
        -e 's/.*"name":"([A-Za-z0-9][A-Za-z0-9._+-]*)".*/\1/p;t' \
        -e 's/.*"id":"([a-z2-7]{56})".*/\1/p'
end

# Numbers of transfers of a direction and a state, both regular expressions.
function __fxnode_transfers
    __fxnode_ask transfers $argv[3] | sed -nE \
        "s/.*\"transfer\":([1-9][0-9]*),\"direction\":\"($argv[1])\",\"state\":\"($argv[2])\".*/\1/p"
end

# Whether the command is one of these.
function __fxnode_is
    set -l words (commandline -opc)
    contains -- "$words[2]" $argv
end

# Whether the command is one of these and no operand of it has been given.
function __fxnode_wants_operand
    __fxnode_is $argv; or return
    set -l words (commandline -opc)
    set -l with_value --name --files --listen --accept --exclude --exists --wait --limit --state --socket --config
    set -l value no
    for word in $words[3..-1]
        if test $value = yes
            set value no
        else if contains -- $word $with_value
            set value yes
        else if not string match -q -- '-*' $word
            return 1
        end
    end
end

set -l others peers pair unpair rename set export import send transfers accept reject pause resume cancel verify id
set -l commands daemon $others

complete -c fxnode -f
complete -c fxnode -n "not __fxnode_is $commands" -a daemon -d 'Run a node'
complete -c fxnode -n "not __fxnode_is $commands" -a peers -d 'Who is there'
complete -c fxnode -n "not __fxnode_is $commands" -a pair -d 'Be sure of a peer, by a code'
complete -c fxnode -n "not __fxnode_is $commands" -a unpair -d 'Forget a peer, and trust it no more'
complete -c fxnode -n "not __fxnode_is $commands" -a rename -d 'Give a paired peer another name here'
complete -c fxnode -n "not __fxnode_is $commands" -a set -d 'What is taken from a paired peer'
complete -c fxnode -n "not __fxnode_is $commands" -a export -d 'This node or a peer as a line of text'
complete -c fxnode -n "not __fxnode_is $commands" -a import -d 'Pair with the peers of such lines'
complete -c fxnode -n "not __fxnode_is $commands" -a send -d 'Send files and whole trees to a peer'
complete -c fxnode -n "not __fxnode_is $commands" -a transfers -d 'What is under way, or was'
complete -c fxnode -n "not __fxnode_is $commands" -a accept -d 'Take what is offered'
complete -c fxnode -n "not __fxnode_is $commands" -a reject -d 'Refuse what is offered'
complete -c fxnode -n "not __fxnode_is $commands" -a pause -d 'Stop a transfer for now'
complete -c fxnode -n "not __fxnode_is $commands" -a resume -d 'Go on with a transfer'
complete -c fxnode -n "not __fxnode_is $commands" -a cancel -d 'Give a transfer up'
complete -c fxnode -n "not __fxnode_is $commands" -a verify -d 'Read again what was delivered'
complete -c fxnode -n "not __fxnode_is $commands" -a id -d "Show this node's id"
complete -c fxnode -n "test (count (commandline -opc)) = 1" -l version -d 'Show the version'
complete -c fxnode -n "test (commandline -opc)[-1] = --version" -l verbose -d 'Say what encrypts, too'
complete -c fxnode -n "test (commandline -opc)[-1] = --verbose" -l config -rF -d Configuration

complete -c fxnode -l help -d 'Show how it is used'
complete -c fxnode -n "__fxnode_is $commands" -l state -xa '(__fish_complete_directories)' -d 'State directory'
complete -c fxnode -n "__fxnode_is $commands" -l socket -rF -d 'Control socket'
complete -c fxnode -n "__fxnode_is $commands" -l config -rF -d Configuration
complete -c fxnode -n "__fxnode_is $others" -l json -d 'One JSON object a line'

complete -c fxnode -n '__fxnode_is daemon' -l name -x -d 'What this node is called'
complete -c fxnode -n '__fxnode_is daemon' -l files -xa '(__fish_complete_directories)' -d 'Directory for received files'
complete -c fxnode -n '__fxnode_is daemon' -l listen -x -d 'Address to listen on'
complete -c fxnode -n '__fxnode_is daemon' -l no-discovery -d 'Neither announce this node nor look for others'
complete -c fxnode -n '__fxnode_is daemon' -l accept -xa 'ask paired all' -d 'Offers of peers that are not paired'

complete -c fxnode -n '__fxnode_is peers' -l wait -x -d 'Look around for so many seconds'
complete -c fxnode -n '__fxnode_is peers' -l watch -d 'Go on, a line for each that comes or goes'

complete -c fxnode -n '__fxnode_is send' -l exclude -x -d 'Leave out what this pattern matches'
complete -c fxnode -n '__fxnode_is send' -l one-file-system -d 'Send mount points as empty directories'
complete -c fxnode -n '__fxnode_is send' -l move -d 'Remove here what was delivered'
complete -c fxnode -n '__fxnode_is send' -l detach -d 'Return as soon as it is in the queue'
complete -c fxnode -n '__fxnode_is send' -l wait -x -d 'Give up waiting for a peer after so many seconds'
complete -c fxnode -n '__fxnode_is send' -l limit -x -d 'Bytes a second at most'
complete -c fxnode -n '__fxnode_is send; and not __fxnode_wants_operand send' -F

complete -c fxnode -n '__fxnode_is transfers' -l all -d 'Finished ones too'

complete -c fxnode -n '__fxnode_is accept' -l always -d 'And from now on all that this peer offers'
complete -c fxnode -n '__fxnode_is accept' -l exists -xa 'rename skip overwrite' -d 'What becomes of names that exist'

complete -c fxnode -n '__fxnode_is set; and not __fxnode_wants_operand set' \
    -a 'accept=on accept=ask accept=off directory= limit= day-limit= exists=rename exists=skip exists=overwrite exists=ask exists=refuse exists=default'
complete -c fxnode -n '__fxnode_wants_operand import' -F

complete -c fxnode -n '__fxnode_wants_operand send pair' -a '(__fxnode_peers .)'
complete -c fxnode -n '__fxnode_wants_operand unpair export' -a "(__fxnode_peers '\"known\":true')"
complete -c fxnode -n '__fxnode_wants_operand rename set' -a "(__fxnode_peers '\"paired\":[1-9]')"
complete -c fxnode -n '__fxnode_wants_operand accept reject' -a '(__fxnode_transfers in offered)'
complete -c fxnode -n '__fxnode_wants_operand resume' -a "(__fxnode_transfers 'in|out' paused)"
complete -c fxnode -n '__fxnode_wants_operand pause cancel' -a "(__fxnode_transfers 'in|out' '[a-z]+')"
complete -c fxnode -n '__fxnode_wants_operand verify' -a "(__fxnode_transfers 'in|out' delivered --all)"
