local check = require "check"
local fail = require "bq.fail"
local json = require "bq.json"
local template = require "bq.plan.template"

check.run {
  {
    "known names are replaced, other braces stay",
    function()
      local values = { version = "1.2", jobs = 3, kernel_arch = "x86" }
      check.equal(template.fill("a-{version}.tar", values), "a-1.2.tar")
      check.equal(template.fill("-j{jobs} {kernel_arch}", values), "-j3 x86")
      check.equal(
        template.fill("{} {Version} {1} {a b} {a,b} {-} { version }", values),
        "{} {Version} {1} {a b} {a,b} {-} { version }"
      )
      check.equal(template.fill("{version}%1{version}", { version = "%0" }), "%0%1%0")
      check.equal(template.fill("{version}{version}}{{version}", values), "1.21.2}{1.2")
    end,
  },
  {
    "what is behind a `$` is not ours",
    function()
      local values = { prefix = "/usr", name = "n" }
      check.equal(template.fill("libdir=${prefix}/lib {prefix}", values), "libdir=${prefix}/lib /usr")
      check.equal(
        template.fill("echo ${name} $${name} ${other} ${{name}} $ {name}", values),
        "echo ${name} $${name} ${other} ${{name}} $ n"
      )
    end,
  },
  {
    "double braces are how one pair is written",
    function()
      local values = { name = "n" }
      check.equal(template.fill("{{name}} {{print}} {{{name}}} {name}", values), "{name} {print} {{name}} n")
      check.equal(template.fill(template.fill("{{{name}}}", values), values), "{name}")
    end,
  },
  {
    "a name that stands for nothing is a mistake, with the nearest",
    function()
      local err = check.raises(function()
        template.fill({ a = { "{verzion}" } }, { version = "1", name = "n" })
      end)
      check.equal(fail.lines(err), {
        "error: `{verzion}` stands for nothing",
        "hint: did you mean `{version}`? `{{verzion}}` is how the text `{verzion}` is written",
      })
      err = check.raises(function()
        template.fill("awk '{print}'", { version = "1" })
      end)
      check.equal(fail.lines(err)[2], "hint: `{{print}}` is how the text `{print}` is written")
      check.equal(
        template.unknown({ x = "{zzz} {b}", y = { "{a}" }, z = "{ok} {{no}} ${no}" }, { ok = false, b = 1 }),
        "a"
      )
      check.equal(template.unknown({ 1, true, "{ok}" }, { ok = 1 }), nil)
    end,
  },
  {
    "tables are gone through, and copied",
    function()
      local old = { url = "{name}/{version}", list = { "{name}", 1, true }, deep = { { "{version}" } } }
      local new = template.fill(old, { name = "n", version = "v" })
      check.equal(new, { url = "n/v", list = { "n", 1, true }, deep = { { "v" } } })
      check.equal(old.url, "{name}/{version}")
      check.equal(template.fill(1, {}), 1)
      check.equal(template.fill(nil, {}), nil)
    end,
  },
  {
    "an empty list of JSON stays a list",
    function()
      check.equal(json.encode(template.fill(json.decode '{"a":[],"b":{}}', {})), '{"a":[],"b":{}}')
    end,
  },
}
