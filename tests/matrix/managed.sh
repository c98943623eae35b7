# The text of everything a run writes, a digest and a path each; what differs from run to run
# (serial numbers, keys) is left out.
for path in /etc /srv /var/www; do
	find "$path" -xdev -type f \
		! -name '*.zone' ! -path '*/ssl/*' ! -path '*/secrets/*' ! -name '*.used' \
		! -name '*.pyc' ! -name ld.so.cache  ! -name '*-' ! -name '*.lock' ! -name '*-app-blue*' ! -name '*-app-green*' \
		! -path '/etc/nginx/foobar-stack/*' ! -name .updated ! -name machine-id -print0
done | sort -z | xargs -0 sha256sum
find /etc /srv /var/www -xdev -type l ! -path '*/ssl/*' ! -path '/etc/rc*' \
	! -name '*-app-blue*' ! -name '*-app-green*' -printf '%l@  %p\n' | sort -k 2
