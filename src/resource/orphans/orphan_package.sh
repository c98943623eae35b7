# Orphaned packages, which are no longer in the inventory, on the server.

# probe_orphan_package ask|look NAME...: which are installed; when apt is asked,
# what each would take along that is not ours, and what came with ours and is of
# no use any more. What came with ours stands in the list of what was made.
probe_orphan_package() {
	local ask auto name other others ours removed
	ask=$1
	shift
	for name do
		shift
		[ "$(dpkg-query -W -f '${db:Status-Status}' -- "$name" 2>/dev/null)" = installed ] || continue
		printf 'there\037%s\037\n' "$name"
		set -- "$@" "$name"
	done
	[ $# -gt 0 ] && [ "$ask" = ask ] || return 0
	auto=$(apt-mark showauto) || return
	ours=$(
		printf '%s\n' "$@"
		sed -n 's/^package	//p' "$STATE/made" 2>/dev/null | while IFS= read -r name; do
			case "
$auto
" in
			*"
$name
"*) printf '%s\n' "$name" ;;
			esac
		done
	)
	for name do
		shift
		removed=$(would_remove "$name") || return
		others=$(not_ours "$removed")
		if [ -n "$others" ]; then
			for other in $others; do printf 'held\037%s\037%s\n' "$name" "$other"; done
		else
			set -- "$@" "$name"
		fi
	done
	[ $# -gt 0 ] || return 0
	removed=$(would_remove --auto-remove "$@") || return
	others=$(not_ours "$removed")
	for other in $removed; do
		case " $* $others " in
		*" $other "*) ;;
		*) printf 'along\037%s\037\n' "$other" ;;
		esac
	done
}

# would_remove WORD...: what `apt-get remove` of this would take away.
would_remove() {
	apt-get -s -q remove "$@" 2>/dev/null | sed -n 's/^Remv \([^ ]*\) .*/\1/p' | tr '\n' ' '
}

# not_ours NAMES: those of them that no run of ours has brought.
not_ours() {
	local other
	for other in $1; do
		case "
$ours
" in
		*"
$other
"*) ;;
		*) printf '%s ' "$other" ;;
		esac
	done
}

# --- steps: no probe needs what follows ---

# remove_packages NAME...: these and nothing else. Their settings stay, as dpkg
# keeps them.
remove_packages() {
	local name would
	export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l
	would=$(apt-get -s -q remove "$@" | sed -n 's/^Remv \([^ ]*\) .*/\1/p')
	for name in $would; do
		case " $* " in
		*" $name "*) ;;
		*) fail "apt would take $name along, which is not part of the plan" ;;
		esac
	done
	apt-get -q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 remove "$@"
}
