-- The server whose workers build steps, by the options of a program.
local access = require "bq.share.access"
local elf = require "bq.elf"
local fail = require "bq.fail"
local grpc = require "bq.share.grpc"
local syscall = require "bq.syscall"
local visible = require "bq.visible"

local workers = {}

-- What others call the architectures.
local NAMES <const> = { amd64 = "x86_64", ["x86-64"] = "x86_64", arm64 = "aarch64" }

--- Properties of workers, as words of a command line. Those that begin with an architecture are only of its workers.
local function properties(words, arch)
  local out = {}
  for _, word in ipairs(words or {}) do
    local only, rest = word:match "^([^=:]+):(.*)$"
    if NAMES[only] then
      fail.usage(
        ("`--remote-property %s`: no such architecture"):format(visible(word)),
        ("did you mean `%s:%s`?"):format(NAMES[only], visible(rest))
      )
    elseif not elf.NUMBERS[only] then
      only, rest = nil, word
    end
    local name, value = rest:match "^([^=]+)=(.*)$"
    if not name then
      fail.usage(
        ("`--remote-property %s`: not a property"):format(visible(word)),
        "`NAME=VALUE`, as its engine knows it; `aarch64:NAME=VALUE` for the workers of an architecture"
      )
    end
    out[#out + 1] = (only or arch) == arch and { name = name, value = value } or nil
  end
  table.sort(out, function(a, b)
    return a.name < b.name or a.name == b.name and a.value < b.value
  end)
  return out
end

--- The server whose workers build steps, if the options want that: the first cache that can have some.
---@param options table<string|integer, any> of a program, by the names of `bq.share.options`
---@param arch? string of the workers; this machine's if absent
---@return bq.share.Grpc? # `nil` if no step is to be built elsewhere
---@return { name: string, value: string }[]? properties of its workers, sorted
function workers.of(options, arch)
  local wanted = properties(options.remote_property, arch or syscall.uname().machine)
  if not options.remote_execute then
    return nil
  elseif options.trust then
    fail.usage(
      "`--remote-execute` and `--trust` contradict each other: nobody signs what a worker makes",
      "leave one of them out; `BQ_CONFIG=` leaves out what the configuration says"
    )
  end
  for _, url in ipairs(options.remote or {}) do
    if grpc.parse(url) then
      return grpc.new(url, access.of(options, url)), wanted
    end
  end
  fail.usage("`--remote-execute` wants a server with workers", "name it: `--remote grpc://HOST:PORT[/INSTANCE]`")
end

return workers
