# What could be upgraded. It changes nothing, takes no lock and fetches nothing.

# newer_versions: of each installed package that has a newer version in the package lists what
# `apt-cache policy` says of it, down to the version that is installed; then the units that these
# bring, and where all versions come from. Asked in the background. All packages are asked for at
# once, since `apt-get --simulate upgrade` takes ten times as long; and a process is saved where one
# can be, since each plan asks.
newer_versions() {
	local file names
	names=
	# Names of packages, some with their architecture.
	for file in /var/lib/dpkg/info/*.list; do
		file=${file##*/}
		names="$names ${file%.list}"
	done
	printf '\036begin upgrades\n'
	# shellcheck disable=SC2086
	apt-cache policy -- $names | awk '
		# Those of a package for several architectures stand in a file that names it.
		function units(name, file, line, known) {
			while ((getline line <file) > 0) {
				known = 1
				if (line ~ /\/systemd\/system\/[^\/]*[.]service$/) {
					sub(/.*\//, "", line)
					print "unit " name " " line
				}
			}
			close(file)
			return known
		}
		/^[^ ]/ { all++; block = $0; newer = 0; next }
		/^ [*][*][*] / {
			if (newer) {
				print block "\n" $0
				sub(/:.*/, "", block)
				found[block] = from
			}
			block = ""
			next
		}
		block == "" || /^  [A-Z]/ { next }
		/^     [^ ]/ { newer = 1 }
		/^       / { from = $(NF - 1) }
		{ block = block "\n" $0 }
		END { for (name in found) {
				file = "/var/lib/dpkg/info/" name
				if (!units(name, file ".list")) units(name, file ":" found[name] ".list")
				some = 1
			}
			# One that fails says nothing.
			status = !all
			fflush()
			if (some) status = status || system("apt-cache policy")
			printf "\036end %d\n", status
		}
	' &
}
