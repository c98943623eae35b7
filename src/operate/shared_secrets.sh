# print_secrets PATH...: the contents of those that are there, in base64.
print_secrets() {
	local path
	for path do
		[ -f "$path" ] || continue
		base64 -w 0 <"$path" && printf '\037%s\n' "$path"
	done
}
