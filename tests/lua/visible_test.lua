local check = require "check"
local visible = require "bq.visible"

check.run {
  {
    "what a terminal would obey is shown",
    function()
      check.equal(visible "plain text, \tümläut", "plain text, \tümläut")
      check.equal(visible "\27[31mred\27[0m\7\r\n\0\127", "\\x1b[31mred\\x1b[0m\\x07\\x0d\n\\x00\\x7f")
      check.equal(visible "\u{9b}31m \u{a0}", "\\x9b31m \u{a0}")
      check.equal(visible "caf\xe9 \xff\u{e9}\xc3", "caf\\xe9 \\xff\u{e9}\\xc3")
    end,
  },
}
