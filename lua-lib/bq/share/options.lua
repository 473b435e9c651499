-- The options that say where outputs are found besides the workspace. Programs that build or move outputs have them.
local tables = require "bq.tables"

local options = {}

--- A shared store.
---@type bq.Option
-- stylua: ignore
options.STORE = {
  name = "store", value = "DIR", many = true, once = true, variable = "BQ_STORE", separator = ":",
  help = "a folder of outputs that workspaces share",
}

--- How a cache knows this client.
---@type bq.Option[]
-- stylua: ignore
options.ACCESS = {
  { name = "remote-ca", value = "FILE", once = true, help = "certificates to trust instead of the system's, in PEM" },
  { name = "remote-cert", value = "FILE", once = true, help = "this client's certificate, in PEM" },
  { name = "remote-key", value = "FILE", once = true, help = "its key, in PEM" },
  { name = "remote-token", value = "FILE", once = true, help = "a file with the token for the caches" },
  { name = "remote-login", value = "FILE", once = true, help = "a file with `USER:PASSWORD` for the caches" },
  { name = "remote-helper", value = "PROGRAM", once = true, help = "a program that prints the token for an address" },
  { name = "remote-header", value = "FILE", many = true, once = true, help = "a file of further headers, a line each" },
  { name = "trust", value = "FILE", once = true, help = "take only what these keys have signed" },
  { name = "sign", value = "FILE", once = true, help = "sign what is written by this key" },
}

--- What is built by the workers of a server.
---@type bq.Option[]
-- stylua: ignore
options.EXECUTION = {
  { name = "remote-execute", once = true, help = "have steps built by the workers of the first cache at grpc://…" },
  { name = "remote-jobs", value = "N", number = true, once = true, help = "how many steps at once [default: 8]" },
  { name = "remote-property", value = "[ARCH:]NAME=VALUE", many = true, once = true, help = "what a worker has to have" },
  { name = "remote-bq", value = "FILE", once = true, help = "a bq of the plan's architecture, for workers of that one" },
  { name = "remote-patience", value = "SECONDS", number = true, once = true,
    help = "how long a step may wait for a worker [default: 600]" },
  { name = "remote-tree", once = true, help = "bring the build tree of a step that failed on a worker" },
  { name = "remote-only", once = true, help = "build nothing here that workers can build" },
}

--- All of them, for programs that build.
---@type bq.Option[]
-- stylua: ignore
options.OPTIONS = tables.append({
  options.STORE,
  { name = "remote", value = "URL", many = true, once = true, variable = "BQ_REMOTE", separator = " ",
    help = "a cache to read outputs from: grpc://HOST:PORT, grpcs://…, http://… or https://…" },
  { name = "remote-write", once = true, help = "write what is built to the caches, too" },
}, tables.append(tables.copy(options.EXECUTION), options.ACCESS))

--- The options as words for another program.
---@param values table<string|integer, any> as `args.parse` gave them
---@return string[]
function options.words(values)
  local words = {}
  for _, option in ipairs(options.OPTIONS) do
    local value = values[(option.name:gsub("-", "_"))]
    for _, one in ipairs(option.many and value or { value }) do
      words[#words + 1] = option.value and ("--%s=%s"):format(option.name, one) or "--" .. option.name
    end
  end
  return words
end

return options
