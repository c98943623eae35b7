# A copy of a server gets the data of a backup of it, and keeps to itself from then on: what an app
# sends because of them (mail, calls of other services) the server itself has sent, or will.
#
# WORK is a folder for what comes; $engine and $databases are those of the backup. Of the program
# backup dump.sh and instance.sh come before it.
#
# shellcheck shell=dash disable=SC2154

# give_up REASON
give_up() {
	printf '%s\n' "$1" >&2
	exit 1
}

# keep_to_itself ACCOUNT...: the apps of these accounts stop, and nobody but root, apt and what makes
# a release ready can reach another machine any more. Who is asked may answer.
keep_to_itself() {
	local account
	mkdir -p -m 700 -- "$WORK"
	command -v nft >/dev/null || {
		apt-get -q update && apt-get -q install -y --no-install-recommends nftables
	} >"$WORK/said" 2>&1 || give_up "cannot install nftables: $(grep '^E: ' "$WORK/said" | tail -n 1)"
	getent group foobar-stack-prepare >/dev/null || groupadd --system foobar-stack-prepare
	for account do
		mkdir -p -- "/etc/systemd/system/$account-prepare.service.d"
		# The folders of the app keep its group.
		cat >"/etc/systemd/system/$account-prepare.service.d/rehearsal.conf" <<-END
			[Service]
			Group=foobar-stack-prepare
			SupplementaryGroups=$account
			StateDirectory=
			CacheDirectory=
			Environment=STATE_DIRECTORY=/var/lib/$account CACHE_DIRECTORY=/var/cache/$account
			ReadWritePaths=/var/lib/$account /var/cache/$account
		END
		systemctl list-units --plain --no-legend --state=active -- "$account-app-*@*.service" | cut -d ' ' -f 1
	done >"$WORK/units"
	chmod -R a+rX -- /etc/systemd/system
	systemctl daemon-reload
	xargs -r systemctl stop -- <"$WORK/units"
	# The replies of a name server are not tracked.
	nft -f - <<-'END' || give_up 'the copy cannot be kept to itself'
		table inet foobar_stack_rehearsal
		delete table inet foobar_stack_rehearsal
		table inet foobar_stack_rehearsal {
			chain output {
				type filter hook output priority filter; policy accept;
				oifname "lo" accept
				ct state established,related accept
				meta l4proto { tcp, udp } th sport 53 accept
				meta skuid { 0, "_apt" } accept
				meta skgid "foobar-stack-prepare" accept
				meta skuid 1-4294967294 reject
			}
		}
	END
}

# unpack_folder: from the archive in standard input, to where it was; accounts by their names.
unpack_folder() {
	tar -x -p -C / -f - || give_up 'a folder cannot be unpacked'
}

# load_data: the dump in standard input takes the place of the databases.
load_data() {
	local name why scheduler
	cat >"$WORK/databases.sql"
	scheduler=$(ask_database 'SELECT @@event_scheduler')
	ask_database 'SET GLOBAL event_scheduler = OFF' || give_up 'the database does not answer'
	for name in $databases; do
		ask_database "DROP DATABASE IF EXISTS \`$name\`" || give_up "the database $name cannot be made anew"
	done
	lock_definers <"$WORK/databases.sql"
	load_statements "$WORK/databases.sql" || give_up "$why"
	rm -f -- "$WORK/databases.sql"
	[ "$scheduler" = OFF ] || ask_database "SET GLOBAL event_scheduler = $scheduler"
}

# begin_again ACCOUNT...: the apps start with it; what prepares the database for a release has not
# run for what is there now.
begin_again() {
	local account
	for account do
		rm -f -- "$STATE/commands/$account-migrate" "$STATE/commands/migrate"
	done
	xargs -r systemctl start -- <"$WORK/units" || give_up 'the app does not start with the data of the backup'
	rm -rf -- "$WORK"
}
