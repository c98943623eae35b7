//! Apps that do not work.

use crate::futures::Edit::{Append, Replace, Write};
use crate::futures::Ends::AsBefore;
use crate::futures::{BROKEN, Broken};

const APP: &str = "app/app.py";

/// Visitors stay with the slot that serves them.
const DEAD: Broken = Broken {
    ends: AsBefore(6),
    ..BROKEN
};

pub(super) const ALL: &[Broken] = &[
    Broken {
        name: "app: exits when it is read",
        site: &[(APP, Write("raise SystemExit('this app does not live')\n"))],
        says: &["this app does not live", "rolled back"],
        ..DEAD
    },
    Broken {
        name: "app: does not parse",
        site: &[(APP, Append("\nthis is no python\n"))],
        says: &["SyntaxError", "rolled back"],
        ..DEAD
    },
    Broken {
        name: "app: wants a module that is not there",
        site: &[(APP, Append("\nimport no_such_module\n"))],
        says: &["No module named 'no_such_module'", "rolled back"],
        ..DEAD
    },
    Broken {
        name: "app: wants more memory than there is",
        site: &[(APP, Append("\nall_of_it = bytearray(1 << 56)\n"))],
        says: &["MemoryError", "rolled back"],
        ..DEAD
    },
    Broken {
        name: "app: no room for two releases",
        before: "sed 's/^MemAvailable:.*/MemAvailable: 20000 kB/' /proc/meminfo >/run/meminfo\n\
                 mount --bind /run/meminfo /proc/meminfo",
        site: &[(APP, Append("\n# another release\n"))],
        ends: AsBefore(1),
        says: &["MB more memory, and 19 MB are available"],
        after: "umount /proc/meminfo; rm /run/meminfo",
        ..DEAD
    },
    Broken {
        name: "app: dies when it has served a while",
        site: &[(
            APP,
            Append(
                "\nimport os, signal\nvisits, well = [], application\ndef application(environ, start_response):\n    if environ['PATH_INFO'] != '/healthz':\n        visits.append(1)\n    if len(visits) == 15:\n        os.kill(os.getppid(), signal.SIGKILL)\n    return well(environ, start_response)\n",
            ),
        )],
        says: &["rolled back"],
        ..DEAD
    },
    Broken {
        name: "app: dies after three seconds",
        site: &[(
            APP,
            Append(
                "\nimport os, signal, threading\nthreading.Timer(3, lambda: os.kill(os.getppid(), signal.SIGKILL)).start()\n",
            ),
        )],
        says: &["rolled back"],
        ..DEAD
    },
    Broken {
        name: "app: answers 500",
        site: &[(
            APP,
            Append(
                "\ndef application(environ, start_response):\n    start_response('500 No', [])\n    return [b'no']\n",
            ),
        )],
        says: &["500", "rolled back"],
        ..DEAD
    },
    Broken {
        name: "app: answers 503 when it is asked how it is",
        site: &[(
            APP,
            Append(
                "\nwell = application\ndef application(environ, start_response):\n    if environ['PATH_INFO'] == '/healthz':\n        start_response('503 No', [])\n        return [b'no']\n    return well(environ, start_response)\n",
            ),
        )],
        says: &["503", "rolled back"],
        ..DEAD
    },
    Broken {
        name: "app: never answers",
        site: &[(
            APP,
            Append(
                "\nimport time\ndef application(environ, start_response):\n    time.sleep(1000)\n",
            ),
        )],
        says: &["rolled back"],
        ..DEAD
    },
    Broken {
        name: "app: listens elsewhere",
        site: &[(
            "inventory.toml",
            Replace("--bind 127.0.0.1:${PORT} ", "--bind 127.0.0.1:9876 "),
        )],
        says: &["rolled back"],
        ..DEAD
    },
    Broken {
        name: "app: does not know a setting of its own",
        site: &[(
            "inventory.toml",
            Replace("--config gunicorn.conf.py ", "--config none.conf.py "),
        )],
        says: &["none.conf.py", "rolled back"],
        ..DEAD
    },
    Broken {
        name: "app: its migration fails",
        site: &[(
            "app/migrate.py",
            Write("raise SystemExit('no migration today')\n"),
        )],
        says: &["no migration today", "rolled back"],
        ..DEAD
    },
    Broken {
        name: "app: its migration is no SQL",
        site: &[("app/migrations/0003_odd.sql", Write("NONSENSE;\n"))],
        says: &["NONSENSE", "rolled back"],
        ..DEAD
    },
];
