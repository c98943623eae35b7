# The only source of packages is one that says it is Debian's security archive. It has a newer
# version of two packages, one of which is called like those of MariaDB, and of the server itself,
# which cannot be installed.
mkdir -p /root/apt /srv/archive/pool
mv /etc/apt/sources.list /etc/apt/sources.list.d /var/lib/apt/lists /root/apt/
mkdir -p /etc/apt/sources.list.d /var/lib/apt/lists/partial
cd /srv/archive
package() {
	local folder
	folder=$(mktemp -d)
	chmod 755 "$folder"
	mkdir "$folder/DEBIAN"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: A <a@example.org>\nDepends: %s\nDescription: test\n' \
		"$1" "$2" "${3:-dpkg}" >"$folder/DEBIAN/control"
	dpkg-deb --root-owner-group -Zgzip --build "$folder" "pool/$1_${2#*:}.deb" >/dev/null
	rm -r "$folder"
}
for name in tiny mariadb-tiny; do
	package "$name" 1.0
	dpkg --install "pool/${name}_1.0.deb"
	rm "pool/${name}_1.0.deb"
	package "$name" 1.1
done
package mariadb-server 99:99 what-nobody-has
release=dists/trixie-security
index=$release/main/binary-$(dpkg --print-architecture)
mkdir -p "$index"
for file in pool/*.deb; do
	dpkg-deb --field "$file"
	printf 'Filename: %s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" "$(sha256sum <"$file" | cut -d ' ' -f 1)"
done >"$index/Packages"
printf 'Origin: Debian\nLabel: Debian-Security\nSuite: stable-security\nCodename: trixie-security\nDate: %s\nSHA256:\n %s %s %s\n' \
	"$(date -uR)" "$(sha256sum <"$index/Packages" | cut -d ' ' -f 1)" "$(stat -c %s "$index/Packages")" \
	"${index#"$release/"}/Packages" >Release
mv Release "$release/"
chmod -R a+rX /srv/archive
echo 'deb [trusted=yes] file:/srv/archive trixie-security main' >/etc/apt/sources.list
apt-get update -qq
