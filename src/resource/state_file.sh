# Files of runtime state, on the server: what the service has written stays. file.sh comes first.

# --- steps: no probe needs what follows ---

# put_state PAYLOAD PATH MODE OWNER GROUP: its first content. A journal that is left of one that
# was here before would not fit.
put_state() {
	put_file "$@"
	rm -f -- "$2.jnl"
}
