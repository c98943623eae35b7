# A signed archive on the loopback, as somebody foreign has it: `tiny`, which the server has in an
# older version already, and two packages that the inventory does not name, one of them newer than
# that of the distribution. Prints the public key.
set -e
apt-get install -qq -y --no-install-recommends gpg gpg-agent python3 >/dev/null 2>&1
mkdir -p /srv/foreign/pool && cd /srv/foreign
package() {
	folder=$(mktemp -d)
	chmod 755 "$folder"
	mkdir "$folder/DEBIAN"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: test\n' \
		"$1" "$2" >"$folder/DEBIAN/control"
	dpkg-deb --root-owner-group -Zgzip --build "$folder" "pool/$1_$2.deb" >/dev/null
	rm -r "$folder"
}
package tiny 1.0
dpkg --install pool/tiny_1.0.deb >/dev/null
rm pool/tiny_1.0.deb
package tiny 1.1
package tiny-extra 1.0
package unwanted 1.0
package curl 99
index=dists/stable/main/binary-$(dpkg --print-architecture)
mkdir -p "$index"
for file in pool/*.deb; do
	dpkg-deb --field "$file"
	printf 'Filename: %s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" "$(sha256sum <"$file" | cut -d ' ' -f 1)"
done >"$index/Packages"
printf 'Origin: Foreign\nSuite: stable\nCodename: stable\nDate: %s\nSHA256:\n %s %s %s\n' "$(date -uR)" \
	"$(sha256sum <"$index/Packages" | cut -d ' ' -f 1)" "$(stat -c %s "$index/Packages")" \
	"${index#dists/stable/}/Packages" >dists/stable/Release
export GNUPGHOME=/srv/foreign/keys
mkdir -m 700 $GNUPGHOME
for name in right wrong; do
	gpg --batch --quiet --passphrase '' --quick-generate-key "$name <$name@example.org>" ed25519 sign never 2>/dev/null
	gpg --batch --armor --export "$name@example.org" >"$name.asc"
done
gpg --batch --quiet --local-user right@example.org --clearsign --output dists/stable/InRelease dists/stable/Release
gpgconf --kill gpg-agent
chmod -R a+rX pool dists
systemd-run --quiet --unit=foreign-archive --property=WorkingDirectory=/srv/foreign \
	/usr/bin/python3 -m http.server --bind 127.0.0.2 8099
for _ in 1 2 3 4 5 6 7 8 9 10; do
	! /usr/bin/python3 -c 'import socket; socket.create_connection(("127.0.0.2", 8099))' 2>/dev/null || break
	sleep 0.2
done
cat "$1.asc"
