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

# Peers of which the regular expression $1 is true in what the node says of them.
_fxnode_peers_with() {
    local -a peers
    peers=(${(f)"$(_fxnode_ask peers --wait 0 | sed -nE -e '/"event":"peer"/!d' -e "/$1/!d" \
        -e 's/.*"name":"([A-Za-z0-9][A-Za-z0-9._+-]*)".*/\1/p;t' \
        -e 's/.*"id":"([a-z2-7]{56})".*/\1/p')"})
    _wanted peers expl peer compadd -a peers
}

_fxnode_peers() { _fxnode_peers_with . }
_fxnode_known() { _fxnode_peers_with '"known":true' }
_fxnode_paired() { _fxnode_peers_with '"paired":[1-9]' }

# Numbers of transfers of direction $1 and state $2, both regular expressions.
_fxnode_transfers() {
    local -a numbers
    numbers=(${(f)"$(_fxnode_ask transfers $3 |
        sed -nE "s/.*\"transfer\":([1-9][0-9]*),\"direction\":\"($1)\",\"state\":\"($2)\".*/\1/p")"})
    _wanted transfers expl transfer compadd -a numbers
}

_fxnode_offered() { _fxnode_transfers in offered }
_fxnode_paused() { _fxnode_transfers 'in|out' paused }
_fxnode_delivered() { _fxnode_transfers 'in|out' delivered --all }
_fxnode_unfinished() { _fxnode_transfers 'in|out' '[a-z]+' }

_fxnode_command() {
    local -a commands
    commands=(
        'daemon:run a node'
        'peers:who is there'
        'pair:be sure of a peer, by a code'
        'unpair:forget a peer, and trust it no more'
        'rename:give a paired peer another name here'
        'set:what is taken from a paired peer'
        'export:this node or a peer as a line of text'
        'import:pair with the peers of such lines'
        'send:send files and whole trees to a peer'
        'transfers:what is under way, or was'
        'accept:take what is offered'
        'reject:refuse what is offered'
        'pause:stop a transfer for now'
        'resume:go on with a transfer'
        'cancel:give a transfer up'
        'verify:read again what was delivered'
        "id:show this node's id"
    )
    _describe -t commands command commands
}

_fxnode_setting() {
    _values -S = setting 'accept[what is done with its offers]:how:(on ask off)' \
        'directory[where its files go]:directory:' 'limit[bytes of one transfer]:size:' \
        'day-limit[bytes of 24 hours]:size:' \
        'exists[what becomes of names that exist]:how:(rename skip overwrite ask refuse default)'
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
            '--accept=[offers of peers that are not paired]:how:(ask paired all)'
        ;;
    peers)
        _arguments $common $json \
            '--wait=[look around for so long]:seconds:' \
            '--watch[go on, a line for each that comes or goes]'
        ;;
    send)
        _arguments $common $json \
            '*--exclude=[leave out what this matches]:pattern:' \
            '--one-file-system[send mount points as empty directories]' \
            '--move[remove here what was delivered]' \
            '--detach[return as soon as it is in the queue]' \
            '--wait=[give up waiting for a peer that is away]:seconds:' \
            '--limit=[bytes a second at most]:rate:' \
            '1:peer:_fxnode_peers' '*:path:_files'
        ;;
    transfers) _arguments $common $json '--all[finished ones too]' ;;
    accept)
        _arguments $common $json '--always[and from now on all that this peer offers]' \
            '--exists=[what becomes of names that exist]:how:(rename skip overwrite)' \
            '1:transfer:_fxnode_offered'
        ;;
    reject) _arguments $common $json '1:transfer:_fxnode_offered' ;;
    resume) _arguments $common $json '1:transfer:_fxnode_paused' ;;
    pause | cancel) _arguments $common $json '1:transfer:_fxnode_unfinished' ;;
    pair) _arguments $common $json '1:peer:_fxnode_peers' ;;
    unpair | export) _arguments $common $json '1:peer:_fxnode_known' ;;
    rename) _arguments $common $json '1:peer:_fxnode_paired' '2:alias:' ;;
    set) _arguments $common $json '1:peer:_fxnode_paired' '*:setting:_fxnode_setting' ;;
    import) _arguments $common $json '1:file:_files' ;;
    verify) _arguments $common $json '1:transfer:_fxnode_delivered' ;;
    id) _arguments $common $json ;;
    esac
}

_fxnode() {
    local curcontext=$curcontext state line expl
    typeset -A opt_args
    if [[ $words[2] == --version ]]; then
        _arguments '--version[show the version]' '--verbose[say what encrypts, too]' \
            '--config=[configuration]:file:_files'
        return
    fi
    _arguments -C '(- *)--help[show the commands]' '(- *)--version[show the version]' \
        '1:command:_fxnode_command' '*:: :->rest'
    [[ $state == rest ]] && _fxnode_rest
}

_fxnode "$@"
