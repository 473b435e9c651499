local check = require "check"
local spdx = require "bq.plan.spdx"

check.run {
  {
    "what is an expression",
    function()
      for _, text in ipairs {
        "MIT",
        "GPL-2.0-only WITH Linux-syscall-note",
        "GPL-2.0+",
        "(MIT OR Apache-2.0 WITH LLVM-exception) AND (BSD-3-Clause)",
        "LicenseRef-Custom",
        "DocumentRef-x:LicenseRef-y AND Zlib",
        "LGPL-2.1-or-later AND GPL-3.0-or-later OR ISC",
      } do
        check.equal(spdx.problem(text), nil, text)
      end
    end,
  },
  {
    "what is none, and why",
    function()
      for text, problem in pairs {
        ["Custom: see COPYING"] = "`Custom:` is no licence of SPDX; one that SPDX does not know is `LicenseRef-NAME`",
        ["MIT License"] = "`License` is not expected there: licences are joined by AND or OR",
        ["GPL-2.0-onyl"] = "`GPL-2.0-onyl` is no licence of SPDX, did you mean `GPL-2.0-only`?; one that SPDX does not know is `LicenseRef-NAME`",
        ["MIT AND"] = "a licence is missing at its end",
        ["(MIT"] = "a parenthesis is not closed",
        ["MIT)"] = "`)` is not expected there: licences are joined by AND or OR",
        ["MIT WITH LLVM-excepton"] = "`LLVM-excepton` is no exception of SPDX, did you mean `LLVM-exception`?",
        ["MIT WITH"] = "`` is no exception of SPDX",
        ["LicenseRef-a/b"] = "`LicenseRef-a/b` is no licence of SPDX; one that SPDX does not know is `LicenseRef-NAME`",
        [""] = "a licence is missing at its end",
      } do
        check.equal(spdx.problem(text), problem, text)
      end
    end,
  },
}
