//! Servers on which something is amiss: packages, disks, clocks, rights, what others left.

use crate::futures::Edit::{Append, Replace, Write};
use crate::futures::Ends::{AsBefore, Mended};
use crate::futures::{BROKEN, Broken};

const PAGE: &str = "templates/web/unavailable.html";
const ODD: &str = "roles/odd/role.toml";
const TREE: &str = "[[package]]\nname = \"tree\"\n";

/// A page that is larger than before.
const LARGE: &str = concat!(
    "0123456789012345678901234567890123456789012345678901234567890123456789\n",
    "0123456789012345678901234567890123456789012345678901234567890123456789\n",
);

/// A package more is asked for; it goes when the case is over.
const MORE: Broken = Broken {
    site: &[(ODD, Write(TREE))],
    ends: Mended,
    after: "dpkg -P tree >/dev/null",
    ..BROKEN
};

pub(super) const ALL: &[Broken] = &[
    // --- packages -----------------------------------------------------------
    Broken {
        name: "apt: a package that is nowhere",
        site: &[(ODD, Write("[[package]]\nname = \"no-such-package\"\n"))],
        says: &["no-such-package"],
        sample: true,
        ..BROKEN
    },
    Broken {
        name: "apt: a source that does not answer",
        before: "echo 'deb http://127.0.0.1:9/debian none main' >/etc/apt/sources.list.d/odd.list\n\
                 touch -d '3 hours ago' /var/lib/apt/lists/partial",
        after: "rm /etc/apt/sources.list.d/odd.list; dpkg -P tree >/dev/null",
        ..MORE
    },
    Broken {
        name: "apt: a source that is none",
        before: "echo nonsense >/etc/apt/sources.list.d/odd.list",
        ends: AsBefore(1),
        says: &["/etc/apt/sources.list.d/odd.list"],
        after: "rm /etc/apt/sources.list.d/odd.list",
        ..MORE
    },
    Broken {
        name: "apt: no space for the archives",
        before: "mount -t tmpfs -o size=64k none /var/cache/apt/archives; mkdir -m 700 /var/cache/apt/archives/partial",
        site: &[(ODD, Write("[[package]]\nname = \"zsh\"\n"))],
        ends: AsBefore(1),
        says: &["space"],
        after: "umount /var/cache/apt/archives",
        ..BROKEN
    },
    Broken {
        name: "dpkg: a package is unpacked and no more",
        before: "cd /tmp; apt-get download -qq tree >/dev/null 2>&1; dpkg --unpack tree_*.deb >/dev/null; rm tree_*.deb",
        sample: true,
        ..MORE
    },
    Broken {
        name: "dpkg: a package of somebody cannot be configured",
        before: "mkdir -p /tmp/odd/DEBIAN; cd /tmp\n\
                 printf 'Package: odd\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b>\\nDescription: odd\\n' >odd/DEBIAN/control\n\
                 printf '#!/bin/sh\\necho this one never works; exit 1\\n' >odd/DEBIAN/postinst; chmod 755 odd/DEBIAN/postinst\n\
                 dpkg-deb -b odd odd.deb >/dev/null; dpkg -i odd.deb >/dev/null 2>&1 || true",
        ends: AsBefore(1),
        says: &["dpkg left half-way: odd", "dpkg --configure -a"],
        after: "dpkg -P --force-all odd >/dev/null 2>&1; rm -r /tmp/odd /tmp/odd.deb; dpkg -P tree >/dev/null 2>&1",
        ..MORE
    },
    Broken {
        name: "dpkg: it was cut off",
        before: "dpkg -s tzdata >/var/lib/dpkg/updates/0000",
        ..MORE
    },
    Broken {
        name: "dpkg: somebody else holds the lock for a while",
        before: "printf 'import fcntl, time\\nfile = open(\"/var/lib/dpkg/lock-frontend\", \"w\")\\nfcntl.lockf(file, fcntl.LOCK_EX)\\ntime.sleep(20)\\n' >/run/hold.py\n\
                 systemd-run --quiet --collect --unit=hold python3 /run/hold.py; sleep 0.5",
        says: &["It is held by process"],
        ..MORE
    },
    Broken {
        name: "packages: somebody else's policy about starting services",
        before: "printf '#!/bin/sh\\n# mine\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; cat /usr/sbin/policy-rc.d",
        after: "cat /usr/sbin/policy-rc.d; rm /usr/sbin/policy-rc.d; dpkg -P tree >/dev/null",
        ..MORE
    },
    Broken {
        name: "packages: nothing below /run is executed",
        before: "mount -o remount,noexec /run",
        ..MORE
    },
    // --- disks --------------------------------------------------------------
    Broken {
        name: "disk: full before the run",
        before: "cp -a /var/lib/foobar-stack /root/kept; mount -t tmpfs -o size=8m none /var/lib/foobar-stack\n\
                 rm -rf /root/kept/runs; cp -a /root/kept/. /var/lib/foobar-stack/\n\
                 head -c 9m /dev/zero >/var/lib/foobar-stack/full 2>/dev/null || true",
        site: &[(PAGE, Write(LARGE))],
        says: &["No space left on device"],
        after: "umount /var/lib/foobar-stack; rm -r /root/kept",
        sample: true,
        ..BROKEN
    },
    Broken {
        name: "disk: full when files are staged",
        before: "cp -a /var/lib/foobar-stack /root/kept; mount -t tmpfs -o size=8m none /var/lib/foobar-stack\n\
                 rm -rf /root/kept/runs; cp -a /root/kept/. /var/lib/foobar-stack/; rm -rf /root/kept\n\
                 room=$(df --output=avail -k /var/lib/foobar-stack | tail -n 1)\n\
                 head -c $(((room - 600) * 1024)) /dev/zero >/var/lib/foobar-stack/full",
        site: &[
            (PAGE, Write(LARGE)),
            ("inventory.toml", Append("\n[roles.odd]\n")),
            (
                ODD,
                Write(
                    "[[command]]\nname = \"odd\"\ncommand = [\"sh\", \"-c\", \"head -c 1m /dev/zero >/var/lib/foobar-stack/more; true\"]\nkey = \"1\"\n",
                ),
            ),
        ],
        ends: AsBefore(6),
        says: &["rolled back"],
        after: "umount /var/lib/foobar-stack",
        sample: true,
        ..BROKEN
    },
    Broken {
        name: "disk: full when a file takes its place",
        before: "cp -a /var/www/foobar.com /root/kept; mount -t tmpfs -o size=12k,mode=755 none /var/www/foobar.com\n\
                 cp -a /root/kept/. /var/www/foobar.com/; rm -rf /root/kept; head -c 1m /dev/zero >/var/www/foobar.com/.full 2>/dev/null || true",
        site: &[(PAGE, Write(LARGE))],
        ends: AsBefore(6),
        says: &["No space left on device", "rolled back"],
        after: "umount /var/www/foobar.com",
        ..BROKEN
    },
    Broken {
        name: "disk: full where the database has its data",
        before: "systemctl stop mariadb; mkdir -p /mnt/data\n\
                 size=$(($(du -sk /var/lib/mysql | cut -f 1) + 16384))\n\
                 mount -t tmpfs -o size=${size}k none /mnt/data; cp -a /var/lib/mysql/. /mnt/data\n\
                 chown mysql: /mnt/data; mount --move /mnt/data /var/lib/mysql 2>/dev/null ||\n\
                 { mount --bind /mnt/data /var/lib/mysql; }\n\
                 systemctl start mariadb",
        site: &[(
            "app/migrations/0003_large.sql",
            Write(
                "CREATE TABLE large (id INT AUTO_INCREMENT PRIMARY KEY, text LONGBLOB);\n\
                 INSERT INTO large (text) SELECT REPEAT('x', 4000000) FROM seq_1_to_20;\n",
            ),
        )],
        ends: AsBefore(6),
        says: &["0003_large.sql: ", " is full: 0 of ", "rolled back"],
        // MariaDB ends itself ("Out of disk space in rollback"), and does so again after each
        // start: no undo frees what it has written. With space it rolls that back by itself.
        relief: "mount -o remount,size=4g /var/lib/mysql",
        after: "systemctl stop mariadb\n\
                while mountpoint -q /var/lib/mysql; do umount /var/lib/mysql; done\n\
                if mountpoint -q /mnt/data; then umount /mnt/data; fi; rmdir /mnt/data\n\
                systemctl start mariadb",
        ..BROKEN
    },
    Broken {
        name: "disk: no inodes when a file takes its place",
        before: "cp -a /var/www/foobar.com /root/kept; mount -t tmpfs -o nr_inodes=3,mode=755 none /var/www/foobar.com\n\
                 cp -a /root/kept/. /var/www/foobar.com/; rm -rf /root/kept\n\
                 for i in 1 2 3; do : 2>/dev/null >/var/www/foobar.com/.$i || true; done",
        site: &[(PAGE, Write(LARGE))],
        ends: AsBefore(6),
        says: &["No space left on device", "rolled back"],
        after: "umount /var/www/foobar.com",
        ..BROKEN
    },
    Broken {
        name: "disk: full when a release is unpacked",
        before: "cp -a /srv/foobar /root/kept; mount -t tmpfs -o size=600k,mode=755 none /srv/foobar\n\
                 cp -a /root/kept/. /srv/foobar/; rm -rf /root/kept; head -c 1m /dev/zero >/srv/foobar/.full 2>/dev/null || true",
        site: &[("app/more.txt", Write(LARGE))],
        ends: AsBefore(1),
        says: &["the step 'check the free space' failed"],
        after: "umount /srv/foobar",
        ..BROKEN
    },
    Broken {
        name: "disk: read-only where a file takes its place",
        before: "mount --bind /var/www/foobar.com /var/www/foobar.com; mount -o remount,bind,ro /var/www/foobar.com",
        site: &[(PAGE, Write(LARGE))],
        ends: AsBefore(6),
        says: &["Read-only file system", "rolled back"],
        after: "umount /var/www/foobar.com",
        ..BROKEN
    },
    Broken {
        name: "disk: read-only where runs are kept",
        before: "mount --bind /var/lib/foobar-stack /var/lib/foobar-stack; mount -o remount,bind,ro /var/lib/foobar-stack",
        site: &[(PAGE, Write(LARGE))],
        says: &["Read-only file system"],
        after: "umount /var/lib/foobar-stack",
        ..BROKEN
    },
    Broken {
        name: "disk: a file that cannot be replaced",
        before: "mount --bind /var/www/foobar.com/unavailable.html /var/www/foobar.com/unavailable.html",
        site: &[
            (PAGE, Write(LARGE)),
            ("templates/web/nginx.conf", Append("# more\n")),
        ],
        ends: AsBefore(6),
        says: &["Device or resource busy", "rolled back"],
        after: "umount /var/www/foobar.com/unavailable.html",
        ..BROKEN
    },
    Broken {
        name: "disk: a folder in the place of a file",
        before: "mkdir /etc/odd.conf",
        site: &[(
            ODD,
            Write("[[file]]\npath = \"/etc/odd.conf\"\ncontent = \"odd\"\n"),
        )],
        ends: AsBefore(1),
        says: &["/etc/odd.conf: a directory is there"],
        after: "rmdir /etc/odd.conf",
        ..BROKEN
    },
    // --- the rest of the server ---------------------------------------------
    Broken {
        name: "clock: years behind",
        before: "printf '#!/bin/sh\\nexec /usr/bin/date -d \"2019-07-01 12:00\" \"$@\"\\n' >/usr/local/sbin/date; chmod 755 /usr/local/sbin/date",
        site: &[
            (PAGE, Write(LARGE)),
            ("inventory.toml", Replace("# ttl = \"1h\"", "ttl = \"2h\"")),
        ],
        ends: Mended,
        after: "rm /usr/local/sbin/date",
        ..BROKEN
    },
    Broken {
        name: "rights: a login that may not become root",
        before: "useradd --create-home guest; install -d -o guest -m 700 /home/guest/.ssh\n\
                 install -o guest -m 600 /root/.ssh/authorized_keys /home/guest/.ssh/",
        site: &[(
            "inventory.toml",
            Replace("user = \"root\"", "user = \"guest\""),
        )],
        ends: AsBefore(4),
        says: &["sudo"],
        after: "userdel --remove guest 2>/dev/null",
        ..BROKEN
    },
    Broken {
        name: "old: nginx's own configuration is broken",
        before: "echo 'nonsense;' >>/etc/nginx/nginx.conf",
        ends: Mended,
        says: &["healthy"],
        ..BROKEN
    },
    Broken {
        name: "old: another file of nginx is broken",
        before: "echo 'nonsense;' >/etc/nginx/conf.d/mine.conf",
        site: &[("templates/web/nginx.conf", Append("# more\n"))],
        says: &[
            "Nginx refuses the new configuration:",
            "/etc/nginx/conf.d/mine.conf",
        ],
        after: "rm /etc/nginx/conf.d/mine.conf",
        ..BROKEN
    },
    Broken {
        name: "old: BIND's own configuration is broken",
        before: "echo 'nonsense;' >>/etc/bind/named.conf",
        ends: Mended,
        ..BROKEN
    },
    Broken {
        name: "old: the database's own configuration is broken, and it does not run",
        before: "echo 'nonsense = 1' >>/etc/mysql/mariadb.conf.d/99-foobar-stack.cnf; systemctl restart mariadb 2>/dev/null || true",
        ends: Mended,
        gap: true,
        ..BROKEN
    },
    Broken {
        name: "old: the app's unit is broken, and it does not run",
        before: "for unit in /etc/systemd/system/foobar-app*.service; do echo nonsense >$unit; done; systemctl daemon-reload; systemctl stop 'foobar-app*'",
        ends: Mended,
        gap: true,
        ..BROKEN
    },
    Broken {
        name: "old: the firewall is gone, with its file",
        before: "nft delete table inet foobar_stack; rm /etc/nftables.conf",
        ends: Mended,
        ..BROKEN
    },
    Broken {
        name: "old: the zone is not one any more, and BIND does not run",
        before: "echo nonsense >/etc/bind/zones/foobar.com.zone; systemctl stop named",
        ends: Mended,
        ..BROKEN
    },
];
