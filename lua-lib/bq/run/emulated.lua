-- How an emulator is named: by people, and to the coordinator inside. Programs that mostly need none load no more than this.
local emulated = {}

--- The option of programs that run what is built for another architecture (`bq.run.emulation`).
---@type bq.Option
emulated.OPTION = {
  name = "emulator",
  value = "FILE",
  once = true,
  help = "a static qemu that runs programs of the plan's architecture",
}

--- The variable that says which programs an emulator runs inside: those of this architecture.
emulated.VARIABLE = "BQ_EMULATES"

return emulated
