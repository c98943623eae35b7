# Many files at once: what stood there is kept, then all are staged, then all are on disk, and then
# each takes its place. One flush, and a handful of processes for each folder. They are removed
# together, too.

# keep_files PATH...: as `keep`, for files that take their places.
keep_files() {
	local path
	for path do
		if [ -d "$path" ] && [ ! -L "$path" ]; then
			fail "$path is a folder, a file should be there; move it away"
		fi
		make_parents "$path"
	done
	keep_all "$@"
}

# keep_all PATH...: as `keep`.
keep_all() {
	local path
	: >"$RUN/payload/created"
	: >"$RUN/payload/kept"
	printf '%s\n' "$@" | JOURNAL=$RUN/journal awk '
		BEGIN {
			while ((getline line < ENVIRON["JOURNAL"]) > 0) {
				split(line, field, "\t")
				if (field[1] == "created" || field[1] == "kept") noted[field[2]]
			}
		}
		!($0 in noted)
	' | while IFS= read -r path; do
		if exists "$path"; then printf '%s\0' "$path" >>"$RUN/payload/kept"; else
			printf '%s\0' "$path" >>"$RUN/payload/created"
		fi
	done
	if [ -s "$RUN/payload/kept" ]; then
		mkdir -p -m 700 -- "$RUN/before"
		xargs -0 -a "$RUN/payload/kept" cp -a --parents -t "$RUN/before" --
		note_all kept
	fi
	if [ -s "$RUN/payload/created" ]; then
		note_all created
		made_all path
	fi
}

# remove_paths PATH...: files or links; what stood there is kept with the run.
remove_paths() {
	refuse_folders "$@"
	keep_all "$@"
	printf '%s\0' "$@" | xargs -0 rm -f --
}

# discard_paths PATH...: the same after the proof, when nothing is undone any more.
discard_paths() {
	refuse_folders "$@"
	printf '%s\0' "$@" | xargs -0 rm -f --
	forget path "$@"
}

refuse_folders() {
	local path
	for path do
		if [ -d "$path" ] && [ ! -L "$path" ]; then
			fail "$path is a folder; remove it by hand if nothing in it is needed"
		fi
	done
}

# note_all WORD: as `note`, for all paths of payload/WORD.
note_all() {
	tr '\0' '\n' <"$RUN/payload/$1" | sed "s/^/$1	/" >>"$RUN/journal"
	sync -- "$RUN/journal"
}

# made_all WORD: as `made`, for all paths of payload/created.
made_all() {
	tr '\0' '\n' <"$RUN/payload/created" | sed "s/^/$1	/" | tee -a -- "$STATE/made" >>"$RUN/made"
	sync -- "$STATE/made" "$STATE"
}

# clear_stages FOLDER...: nothing is left there of a run that was killed.
clear_stages() {
	local folder
	for folder do
		shift
		set -- "$@" "$folder/.foobar-stack"
	done
	rm -rf -- "$@"
}

# stage_files FOLDER MODE OWNER GROUP PAYLOAD...: beside their places, with owner and mode set. The
# last part of a payload's name is that of the file.
stage_files() {
	local folder group mode owner payload
	folder=$1 mode=$2 owner=$3 group=$4
	shift 4
	for payload do
		shift
		set -- "$@" "$RUN/payload/$payload"
	done
	mkdir -p -m 700 -- "$folder/.foobar-stack"
	(enter_stage "$folder" && install -m "$mode" -o "$owner" -g "$group" -t . -- "$@") ||
		fail "the files of $folder cannot be written"
}

# enter_stage FOLDER: goes to where its files are staged, and nowhere else: an account that owns the
# folder could put a link in the place of what root has just made there.
enter_stage() {
	local here
	cd -P -- "$1" && here=${PWD%/} && cd -P -- .foobar-stack && [ "$PWD" = "$here/.foobar-stack" ]
}

# flush_file_systems FOLDER...: what was staged there is on disk.
flush_file_systems() {
	local folder
	stat -c "%d %n" -- "$@" | sort -u -k 1,1 | while read -r _ folder; do
		sync -f -- "$folder"
	done
}

# place_files FOLDER PAYLOAD...: they take their places, each whole.
place_files() {
	local folder payload
	folder=$1
	shift
	for payload do
		shift
		set -- "$@" "${payload##*/}"
	done
	(enter_stage "$folder" && mv -f -t "$folder" -- "$@")
	rmdir -- "$folder/.foobar-stack"
}
