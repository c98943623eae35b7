require("http").createServer((q, r) => r.end()).listen(process.env.PORT, "127.0.0.1");
