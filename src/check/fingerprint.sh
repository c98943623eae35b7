# shellcheck shell=dash
# SHA-256 of the first certificate (as DER) of the PEM file $1, with coreutils alone; then what is
# recorded of its orders, in the file $2.
set -eu
body=$(sed -n '/-----BEGIN CERTIFICATE-----/,/-----END CERTIFICATE-----/{/-----/!p;/-----END/q;}' "$1")
if [ -z "$body" ]; then
  echo "there is no certificate in $1"
  exit 1
fi
printf '%s\n' "$body" | base64 -d | sha256sum
[ ! -r "${2:-/dev/null}" ] || cat -- "${2:-/dev/null}"
