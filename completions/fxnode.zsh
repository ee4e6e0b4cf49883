#compdef fxnode
# Completion of fxnode(1) for zsh.
#
# Peers and transfers are asked of the running node; where none runs nothing is offered, since a command
# would start one. Names of peers are foreign: plain ones are offered, other peers by their id.

# Whether somebody listens on the socket $1. A socket file may be left over from a node that is gone.
_fxnode_listens() {
    [[ -n $1 ]] && sed 's|^[^/@]*||' /proc/net/unix 2>/dev/null | grep -qxF -- "$1"
}

# What the running node answers to a command: nothing without a node, or where it takes too long.
_fxnode_ask() {
    local given=${opt_args[--state]:-$FXNODE_STATE} socket=${opt_args[--socket]:-$FXNODE_SOCKET}
    local state=${given:-${XDG_STATE_HOME:-$HOME/.local/state}/fxnode} runtime=$XDG_RUNTIME_DIR
    [[ -n $given ]] && runtime=
    if [[ -z $socket ]]; then
        [[ -r $state/lock ]] && socket=$(<$state/lock)
        _fxnode_listens "$socket" || socket=${runtime:-$state}${runtime:+/fxnode}/control
    fi
    _fxnode_listens "$socket" || return
    timeout 2 fxnode "$@" --json --state "$state" --socket "$socket" </dev/null 2>/dev/null
}

_fxnode_peers() {
    local -a peers
    peers=(${(f)"$(_fxnode_ask peers --wait 0 | sed -nE -e '/"event":"peer"/!d' \
        -e 's/.*"name":"([A-Za-z0-9][A-Za-z0-9._+-]*)".*/\1/p;t' \
        -e 's/.*"id":"([a-z2-7]{56})".*/\1/p')"})
    _wanted peers expl peer compadd -a peers
}

# Numbers of transfers of direction $1 and state $2, both regular expressions.
_fxnode_transfers() {
    local -a numbers
    numbers=(${(f)"$(_fxnode_ask transfers |
        sed -nE "s/.*\"transfer\":([1-9][0-9]*),\"direction\":\"($1)\",\"state\":\"($2)\".*/\1/p")"})
    _wanted transfers expl transfer compadd -a numbers
}

_fxnode_offered() { _fxnode_transfers in offered }
_fxnode_paused() { _fxnode_transfers 'in|out' paused }
_fxnode_unfinished() { _fxnode_transfers 'in|out' '[a-z]+' }

_fxnode_command() {
    local -a commands
    commands=(
        'daemon:run a node'
        'peers:who is there'
        'send:send files and whole trees to a peer'
        'transfers:what is under way, or was'
        'accept:take what is offered'
        'reject:refuse what is offered'
        'pause:stop a transfer for now'
        'resume:go on with a transfer'
        'cancel:give a transfer up'
        "unpair:forget a peer's key"
        "id:show this node's id"
    )
    _describe -t commands command commands
}

# Options and operands of the command, which is the first of the words.
_fxnode_rest() {
    local -a common json
    common=(
        '--state=[state directory]:directory:_files -/'
        '--socket=[control socket]:socket:_files'
        '--config=[configuration]:file:_files'
        '(- *)--help[show how the command is used]'
    )
    json=('--json[one JSON object a line]')
    case $words[1] in
    daemon)
        _arguments $common \
            '--name=[what this node is called]:name:' \
            '--files=[directory for received files]:directory:_files -/' \
            '*--listen=[address to listen on]:address:' \
            '--no-discovery[neither announce this node nor look for others]' \
            '--accept=[whether offers wait for a yes]:how:(ask all)'
        ;;
    peers)
        _arguments $common $json \
            '--wait=[look around for so long]:seconds:' \
            '--watch[go on, a line for each that comes or goes]'
        ;;
    send)
        _arguments $common $json \
            '--detach[return as soon as it is in the queue]' \
            '--wait=[give up waiting for a peer that is away]:seconds:' \
            '--limit=[bytes a second at most]:rate:' \
            '1:peer:_fxnode_peers' '*:path:_files'
        ;;
    transfers) _arguments $common $json '--all[finished ones too]' ;;
    accept | reject) _arguments $common $json '1:transfer:_fxnode_offered' ;;
    resume) _arguments $common $json '1:transfer:_fxnode_paused' ;;
    pause | cancel) _arguments $common $json '1:transfer:_fxnode_unfinished' ;;
    unpair) _arguments $common $json '1:peer:_fxnode_peers' ;;
    id) _arguments $common $json ;;
    esac
}

_fxnode() {
    local curcontext=$curcontext state line expl
    typeset -A opt_args
    _arguments -C '(- *)--help[show the commands]' '(- *)--version[show the version]' \
        '1:command:_fxnode_command' '*:: :->rest'
    [[ $state == rest ]] && _fxnode_rest
}

_fxnode "$@"
