# Prints the facts of the server: lines "name value". Values that a file of the
# kernel holds are read by the shell itself: processes are what costs time here.
#
# STATE: the folder of what the server knows of runs; asked: names of packages.
#
# shellcheck shell=dash disable=SC2154
unsettled=
for path in "$STATE"/runs/*/journal "$STATE"/runs/*/payload; do
    [ ! -e "$path" ] || unsettled=yes
done
set -f
field() { printf '%s %s\n' "$1" "$2"; }

(
    ID='' VERSION_ID='' VERSION_CODENAME='' PRETTY_NAME=''
    # shellcheck source=/dev/null
    [ ! -r /etc/os-release ] || . /etc/os-release
    field os.id "$ID"
    field os.version_id "$VERSION_ID"
    field os.version_codename "$VERSION_CODENAME"
    field os.pretty_name "$PRETTY_NAME"
)
read -r value </proc/sys/kernel/hostname && field hostname "$value"
read -r value </sys/devices/system/cpu/online && field cpus "$value"
while read -r name value _; do
    [ "$name" != MemTotal: ] || { field memory "$value"; break; }
done </proc/meminfo
# Swap of others. While there is ours, nothing else counts: what is there beside it came later.
value=0
[ ! -r /proc/swaps ] || while read -r name _ size _; do
    case $name in
    /var/lib/foobar-stack.swap) value=0; break ;;
    /*) value=$((value + size)) ;;
    esac
done </proc/swaps
field swap "$value"
[ ! -e /run/systemd/container ] || field container yes
[ -z "$unsettled" ] || field unsettled yes
field now "$(date +%s)"
field connection "$SSH_CONNECTION"
field login "${SUDO_USER:-root}"
[ ! -d /run/systemd/system ] || field systemd.running yes
value=0
[ ! -e "$STATE/generation" ] || read -r value <"$STATE/generation"
field generation "$value"
if [ -e "$STATE/format" ]; then
    read -r value <"$STATE/format"
    field record "$value"
fi
if [ -e "$STATE/unverified" ]; then
    read -r value <"$STATE/unverified"
    field unverified "$value"
fi
set +f
set -- /etc/nginx/maintenance/on.site/*.conf
set -f
# Only while some sites are closed and not every one, there are settings of each.
for value; do
    [ -e "$value" ] || continue
    if [ -e "${value%.*}.settings" ]; then
        value=${value##*/}
        field maintenance "${value%.*}"
    else
        field maintenance every
        break
    fi
done
[ ! -e "$STATE/managed" ] || while IFS= read -r value; do field managed "$value"; done <"$STATE/managed"
[ ! -e "$STATE/made" ] || while IFS= read -r value; do field made "$value"; done <"$STATE/made"

if command -v dpkg-query >/dev/null && command -v apt-cache >/dev/null; then
    field apt yes
    # ${…} is for dpkg-query: two letters of state, one of error.
    # shellcheck disable=SC2016
    format='package ${db:Status-Abbrev}|${Package}|${Version}|${Architecture}\n'
    listed=$(dpkg-query -W -f "$format")
    known=
    IFS='
'
    # Those that are half there, and those that are asked for.
    for value in $listed; do
        case $value in
        'package '?[FHUWt]* | 'package '??R*) ;;
        'package '?i?'|'*)
            name=${value#*|}
            case " $asked dpkg systemd " in
            *" ${name%%|*} "*) ;;
            *) continue ;;
            esac
            ;;
        *) continue ;;
        esac
        printf '%s\n' "$value"
        known="$known$value "
    done
    unset IFS
    set +f
    set -- /var/lib/dpkg/updates/[0-9]*
    [ ! -e "$1" ] || field journal yes
    set -- /var/lib/apt/lists/*_Packages*
    set -f
    if [ -e "$1" ]; then
        for value in $(stat -c %Y /var/lib/apt/lists /var/lib/apt/lists/partial); do
            field lists "$value"
        done
        set --
        for name in $asked; do
            case $known in
                *"package "?i?"|$name|"*) ;;
                *) set -- "$@" "$name" ;;
            esac
        done
        [ $# = 0 ] || apt-cache policy "$@"
    else
        # Debian's testing and unstable differ only here, as long as there are no lists.
        grep -rhsE '^(deb|Suites:) ' /etc/apt/sources.list /etc/apt/sources.list.d
    fi
fi
field end facts
