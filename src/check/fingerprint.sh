# shellcheck shell=dash
# SHA-256 of the first certificate (as DER) of the PEM file $1, with coreutils alone.
set -eu
body=$(sed -n '/-----BEGIN CERTIFICATE-----/,/-----END CERTIFICATE-----/{/-----/!p;/-----END/q;}' "$1")
if [ -z "$body" ]; then
  echo "there is no certificate in $1"
  exit 1
fi
printf '%s\n' "$body" | base64 -d | sha256sum
