require("express")().listen(process.env.PORT, "127.0.0.1");
