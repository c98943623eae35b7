# What must not be left once everything has converged, a line each.
set +e
find /etc /srv /var/www /root -xdev -name '.*.foobar-stack' 2>/dev/null
find /etc /srv /var/www -xdev -name '*.undo' 2>/dev/null
find /usr/sbin/policy-rc.d* -maxdepth 0 2>/dev/null
find /run/foobar-stack/hold-services -maxdepth 0 2>/dev/null
find /var/lib/foobar-stack/runs/*/payload -maxdepth 0 2>/dev/null
find /var/lib/foobar-stack/runs -mindepth 1 -maxdepth 1 -name '.*' 2>/dev/null
find /var/lib/foobar-stack/pending -type f 2>/dev/null
find /var/lib/foobar-stack -maxdepth 2 -name '.*.new' 2>/dev/null
find /srv/*/releases -mindepth 1 -maxdepth 1 -name '.*' 2>/dev/null
find /etc/systemd/system -xtype l ! -lname /dev/null 2>/dev/null
dpkg --audit
find /var/lib/dpkg/updates -type f
systemctl --failed --no-legend --plain | cut -d ' ' -f 1
true
