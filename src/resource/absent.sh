# Paths at which nothing should be, on the server.

# remove_path PATH: a file or link; what stood there is kept with the run.
remove_path() {
	if [ -d "$1" ] && [ ! -L "$1" ]; then
		fail "$1 is a folder; remove it by hand if nothing in it is needed"
	fi
	keep "$1"
	rm -f -- "$1"
}
