-- What setcap(8) writes for the same words.
local capability = require "bq.capability"
local check = require "check"

check.run {
  {
    "words become the kernel's bytes",
    function()
      for text, hex in pairs {
        ["cap_net_raw=ep"] = "0100000200200000000000000000000000000000",
        ["cap_net_raw+p"] = "0000000200200000000000000000000000000000",
        ["cap_chown,cap_bpf=ep"] = "0100000201000000000000008000000000000000",
        ["cap_kill=i"] = "0000000200000000200000000000000000000000",
        ["CAP_KILL=eip"] = "0100000220000000200000000000000000000000",
        ["cap_kill=p cap_chown=p"] = "0000000221000000000000000000000000000000",
      } do
        check.equal({ capability.encode(text) }, { hex })
      end
    end,
  },
  {
    "mistakes are told",
    function()
      for text, problem in pairs {
        [""] = "it names no capability",
        ["cap_net_rew=ep"] = "there is no capability `cap_net_rew`",
        ["net_raw=ep"] = "there is no capability `net_raw`",
        ["cap_kill"] = "`cap_kill` is not of the form `cap_net_raw=ep`",
        ["cap_kill=x"] = "`cap_kill=x` is not of the form `cap_net_raw=ep`",
        ["cap_kill=ep cap_chown=p"] = "a file's capabilities are effective all together or not at all",
      } do
        local hex, told = capability.encode(text)
        check.equal({ hex or "none", told }, { "none", problem })
      end
    end,
  },
}
