# Which slot serves, by the upstream file $2, and what systemd says of its units:
# those of deployment $1 that are called by what follows, the blue ones before `--`.
# show_units comes first.

# in_time COMMAND WORD...: whoever asks this has limited its time.
in_time() {
	"$@"
}

slot=$(sed -n '1s/^# Slot: //p' "$2" 2>/dev/null)
case $slot in
blue | green) ;;
*)
	echo "none"
	exit
	;;
esac
stem=$1-$slot
shift 2
of=blue units=$stem.target
for instance do
	case $instance in
	--) of=green ;;
	*) [ "$of" != "$slot" ] || units="$units $stem@$instance.service" ;;
	esac
done
echo "$slot"
# shellcheck disable=SC2086
show_units $units
