# Managed by foobar-stack (role base): changes made here are overwritten.
#
# sh swap SIZE: swap in a file of so many bytes, made if it is not there. Where there is no place for
# it, or the file system cannot have it, this says so and is content: all else goes on without.
#
# shellcheck shell=dash
file=${SWAP_FILE:-/var/lib/foobar-stack.swap}
size=$1

without() {
	echo "no swap: $1"
	rm -f -- "$file"
	exit 0
}

! grep -q "^$file " /proc/swaps || exit 0
if [ "$(stat -c %s -- "$file" 2>/dev/null)" != "$size" ]; then
	rm -f -- "$file"
	# Half of what is free stays free.
	free=$(df -Pk -- "${file%/*}" | awk 'NR == 2 { print $4 }')
	[ "$((free / 2))" -ge "$((size / 1024))" ] || without "only $free KiB are free in ${file%/*}"
	umask 077
	fallocate -l "$size" -- "$file" || without "${file%/*} cannot hold such a file"
	mkswap -- "$file" >/dev/null || without 'mkswap failed'
fi
swapon -- "$file" || without 'the kernel does not take it'
