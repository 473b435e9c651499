-- recipes/hello.lua
return {
  name = "hello",
  version = "1",
  license = "MIT",
  strategy = "files",
  files = { ["/etc/motd"] = "built by {name} {version} for {target}\n" },
  build = function(b)
    b:write(b.build .. "/hello.c", '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n')
    b:run { b.env.CC, "-O2", "-static", "-o", "hello", "hello.c" }
  end,
  install = function(b)
    require("bq.strategy.files").install(b)
    b:install(b.build .. "/hello", b.prefix .. "/bin/hello")
  end,
}
