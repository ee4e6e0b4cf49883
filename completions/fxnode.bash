# Completion of fxnode(1) for bash.
#
# Peers and transfers are asked of the running node; where none runs nothing is offered, since a command
# would start one. Names of peers are foreign: plain ones are offered, other peers by their id.

# The value of option $1 on the command line, else $2.
_fxnode_value() {
    local i
    for ((i = 1; i + 1 < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == "$1" ]] || continue
        [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
        printf '%s' "${COMP_WORDS[i + 1]}"
        return
    done
    printf '%s' "$2"
}

# Whether somebody listens on the socket $1. A socket file may be left over from a node that is gone.
_fxnode_listens() {
    [[ -n $1 ]] && sed 's|^[^/@]*||' /proc/net/unix 2>/dev/null | grep -qxF -- "$1"
}

# What the running node answers to a command: nothing without a node, or where it takes too long.
_fxnode_ask() {
    local state socket runtime=${XDG_RUNTIME_DIR-}
    state=$(_fxnode_value --state "${FXNODE_STATE-}")
    socket=$(_fxnode_value --socket "${FXNODE_SOCKET-}")
    [[ -n $state ]] && runtime=
    state=${state:-${XDG_STATE_HOME:-$HOME/.local/state}/fxnode}
    if [[ -z $socket ]]; then
        { socket=$(<"$state/lock"); } 2>/dev/null
        _fxnode_listens "$socket" || socket=${runtime:-$state}${runtime:+/fxnode}/control
    fi
    _fxnode_listens "$socket" || return
    timeout 2 fxnode "$@" --json --state "$state" --socket "$socket" </dev/null 2>/dev/null
}

# Peers of which the regular expression $1 is true in what the node says of them.
_fxnode_peers() {
    _fxnode_ask peers --wait 0 | sed -nE -e '/"event":"peer"/!d' -e "/$1/!d" \
        -e 's/.*"name":"([A-Za-z0-9][A-Za-z0-9._+-]*)".*/\1/p;t' \
        -e 's/.*"id":"([a-z2-7]{56})".*/\1/p'
}

# Numbers of transfers of direction $1 and state $2, both regular expressions.
_fxnode_transfers() {
    _fxnode_ask transfers ${3:+"$3"} |
        sed -nE "s/.*\"transfer\":([1-9][0-9]*),\"direction\":\"($1)\",\"state\":\"($2)\".*/\1/p"
}

# Offers those of the lines on standard input that begin with $1.
_fxnode_offer() {
    local line
    while IFS= read -r line; do
        [[ $line == "$1"* ]] && COMPREPLY+=("$line")
    done
}

_fxnode_options() {
    local common='--state --socket --config --help'
    case $1 in
    daemon) echo "--name --files --listen --no-discovery --accept $common" ;;
    peers) echo "--wait --watch --json $common" ;;
    send) echo "--exclude --one-file-system --move --detach --wait --limit --json $common" ;;
    transfers) echo "--all --json $common" ;;
    accept) echo "--always --exists --json $common" ;;
    *) echo "--json $common" ;;
    esac
}

# Files ($1 is -f) or directories (-d) that begin with $2.
_fxnode_paths() {
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen "$1" -- "$2")
}

# A setting of a peer, or the value behind the '=' that bash splits off: what begins with $1 and
# follows $2.
_fxnode_setting() {
    if [[ ${COMP_WORDS[COMP_CWORD]} != = && ${COMP_WORDS[COMP_CWORD - 1]} != = ]]; then
        compopt -o nospace
        mapfile -t COMPREPLY < <(compgen -W 'accept= directory= limit= day-limit= exists=' -- "$1")
    elif [[ $2 == accept ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'on ask off' -- "$1")
    elif [[ $2 == exists ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'rename skip overwrite ask refuse default' -- "$1")
    fi
}

# Operand number $2 of command $1, which begins with $3 and follows $4.
_fxnode_operand() {
    case $1:$2 in
    send:0 | pair:0) _fxnode_offer "$3" < <(_fxnode_peers .) ;;
    unpair:0 | export:0) _fxnode_offer "$3" < <(_fxnode_peers '"known":true') ;;
    rename:0 | set:0) _fxnode_offer "$3" < <(_fxnode_peers '"paired":[1-9]') ;;
    set:*) _fxnode_setting "$3" "$4" ;;
    send:* | import:0) _fxnode_paths -f "$3" ;;
    accept:0 | reject:0) _fxnode_offer "$3" < <(_fxnode_transfers in offered) ;;
    resume:0) _fxnode_offer "$3" < <(_fxnode_transfers 'in|out' paused) ;;
    verify:0) _fxnode_offer "$3" < <(_fxnode_transfers 'in|out' delivered --all) ;;
    pause:0 | cancel:0) _fxnode_offer "$3" < <(_fxnode_transfers 'in|out' '[a-z]+') ;;
    esac
}

# How many operands stand before the word under the cursor.
_fxnode_count_operands() {
    local i count=0
    for ((i = 2; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --name | --files | --listen | --accept | --exclude | --wait | --limit | --state | --socket | --config)
            [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
            ((i++))
            ;;
        --*) ;;
        *) ((count++)) ;;
        esac
    done
    echo "$count"
}

_fxnode() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    COMPREPLY=()
    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
    [[ $cur == = ]] && cur=
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W 'daemon peers pair unpair rename set export import send
            transfers accept reject pause resume cancel verify id --help --version' -- "$cur")
        return
    fi
    if [[ $command == --version ]]; then
        case $COMP_CWORD$prev in
        2*) mapfile -t COMPREPLY < <(compgen -W '--verbose' -- "$cur") ;;
        3*) mapfile -t COMPREPLY < <(compgen -W '--config' -- "$cur") ;;
        *--config) _fxnode_paths -f "$cur" ;;
        esac
        return
    fi
    case $prev in
    --files | --state) _fxnode_paths -d "$cur" ;;
    --socket | --config) _fxnode_paths -f "$cur" ;;
    --exists) mapfile -t COMPREPLY < <(compgen -W 'rename skip overwrite' -- "$cur") ;;
    --accept) mapfile -t COMPREPLY < <(compgen -W 'ask paired all' -- "$cur") ;;
    --name | --listen | --exclude | --wait | --limit) ;;
    *)
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$(_fxnode_options "$command")" -- "$cur")
        else
            _fxnode_operand "$command" "$(_fxnode_count_operands)" "$cur" "$prev"
        fi
        ;;
    esac
}

complete -F _fxnode fxnode
