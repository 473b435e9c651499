-- A root as an OCI image: https://github.com/opencontainers/image-spec, versions 1.0 and later. The image layout is in one tar, with
-- the `manifest.json` of `docker save` beside it, by which older releases of Docker load it.
local archive = require "bq.archive"
local content = require "bq.image.content"
local digest = require "bq.digest"
local fail = require "bq.fail"
local fs = require "bq.fs"
local json = require "bq.json"
local tables = require "bq.tables"
local workspace = require "bq.workspace"

local oci = {}

local TYPES <const> = {
  index = "application/vnd.oci.image.index.v1+json",
  manifest = "application/vnd.oci.image.manifest.v1+json",
  config = "application/vnd.oci.image.config.v1+json",
  layer = "application/vnd.oci.image.layer.v1.tar+gzip",
}
-- The names of Go's GOARCH and of its variants.
local ARCHITECTURES <const> = { x86_64 = { "amd64" }, aarch64 = { "arm64", "v8" } }
local PATH <const> = "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin"
local SHELL <const> = "/bin/sh"
local BLOBS <const> = "blobs/sha256/"
--- The files whose digests the image has as labels.
local RECORD <const> = { "manifest.json", "plan.json", "lock.json", "image.json" }

--- The kind of an index, and the annotation that has the name of an image.
oci.INDEX, oci.NAME = TYPES.index, "org.opencontainers.image.ref.name"
--- What the file `oci-layout` says.
oci.LAYOUT = json.encode { imageLayoutVersion = "1.0.0" }

--- The name of an image with its tag.
---@param name string `NAME` or `NAME:TAG`
---@return string
function oci.tagged(name)
  return name:find ":" and name or name .. ":latest"
end

--- Whether a text can name an image: `NAME` or `NAME:TAG`.
---@param text string
---@return boolean
function oci.is_name(text)
  return (text:find "^[%l%d][%l%d._/-]*$" or text:find "^[%l%d][%l%d._/-]*:[%w_][%w_.-]*$") ~= nil
end

--- Everything that is wrong with what is said of a container, a line each.
---@param said bq.ContainerConfig
---@param at? string what it is called; `container` if absent
---@return string[]
function oci.problems(said, at)
  local out = {}
  local function texts(value)
    local wrong = type(value) ~= "table" or (#value == 0 and next(value) ~= nil)
    for _, one in ipairs(wrong and {} or value) do
      wrong = wrong or type(one) ~= "string"
    end
    return wrong and "is not a list of texts" or nil
  end
  local function map(value)
    local wrong = type(value) ~= "table"
    for name, one in pairs(wrong and {} or value) do
      wrong = wrong or type(name) ~= "string" or name == "" or name:find "[=%c]" ~= nil or type(one) ~= "string"
    end
    return wrong and "is not a map of names to texts" or nil
  end
  local function text(value)
    return (type(value) ~= "string" or value == "") and "is not a text" or nil
  end
  local kinds = {
    entrypoint = texts,
    command = texts,
    environment = map,
    user = text,
    folder = text,
    ports = texts,
    volumes = texts,
    labels = map,
    stop_signal = text,
  }
  for name, value in tables.sorted(said) do
    local wrong ---@type string?
    if kinds[name] then
      wrong = kinds[name](value)
    else
      wrong = "is unknown"
    end
    out[#out + 1] = wrong and ("`%s.%s` %s"):format(at or "container", name, wrong) or nil
  end
  return out
end

--- A set as JSON: a map to empty maps.
local function set(names)
  local out = {}
  for _, name in ipairs(names or {}) do
    out[name] = {}
  end
  return out
end

--- What the image tells a container runtime.
---@param tree bq.Union
---@param said bq.ContainerConfig
---@param more table<string, string> labels
---@return table
local function runtime(tree, said, more)
  local command = said.command
  if not command and not said.entrypoint then
    command = { SHELL }
  end
  local program = (said.entrypoint or command)[1]
  if program and program:sub(1, 1) == "/" and not content.find(tree, program) then
    fail.raise(("the root has no `%s`, which a container would start"):format(program), {
      hint = "name another program: `--entrypoint PROGRAM`",
    })
  end
  local environment, labels = { PATH = PATH }, {}
  for name, value in pairs(said.environment or {}) do
    environment[name] = value
  end
  for _, from in ipairs { more, said.labels or {} } do
    for name, value in pairs(from) do
      labels[name] = value
    end
  end
  local env = json.array {}
  for name, value in tables.sorted(environment) do
    env[#env + 1] = name .. "=" .. value
  end
  return {
    Entrypoint = said.entrypoint and json.array(said.entrypoint),
    Cmd = command and json.array(command),
    Env = env,
    User = said.user,
    WorkingDir = said.folder or "/",
    ExposedPorts = said.ports and set(said.ports),
    Volumes = said.volumes and set(said.volumes),
    StopSignal = said.stop_signal,
    Labels = labels,
  }
end

---@class bq.image.Oci
---@field tree bq.Union
---@field folder string an empty one to work in, on a file system with room for the image
---@field output string
---@field arch string
---@field epoch integer
---@field name string `NAME` or `NAME:TAG`
---@field container bq.ContainerConfig
---@field jobs? integer
---@field progress? fun(bytes: integer)

--- Writes the image. Raises if the root does not have the program that a container would start.
---@param options bq.image.Oci
---@return bq.archive.Packed
function oci.write(options)
  local name = oci.tagged(options.name)
  local labels = { ["org.opencontainers.image.title"] = (name:gsub(":.*", "")) }
  for _, file in ipairs(RECORD) do
    labels["bq." .. file:gsub("%.json$", "") .. ".sha256"] =
      content.digest(options.tree, workspace.INSIDE .. "/" .. file)
  end
  local config = runtime(options.tree, options.container, labels)

  local sources = {}
  local function put(path, from)
    sources[#sources + 1] = { path = from, prefix = path, mode = tonumber("644", 8) }
  end
  local function write(path, text)
    local file = ("%s/%d"):format(options.folder, #sources)
    fs.write(file, text, { sync = false })
    put(path, file)
  end
  local function blob(kind, value)
    local text = json.encode(value)
    local sum = digest.sha256(text)
    write(BLOBS .. sum, text)
    return { mediaType = kind, digest = "sha256:" .. sum, size = #text }
  end
  -- The digest of what is in the layer, and then the layer.
  local function pack(compression)
    return archive.pack {
      output = options.folder .. "/layer",
      sources = options.tree.sources,
      attributes = options.tree.attributes,
      compression = compression,
      mtime = options.epoch,
      threads = options.jobs,
      progress = options.progress,
    }
  end
  local inner = pack("none").sha256
  local layer = pack "gzip"
  put(BLOBS .. layer.sha256, options.folder .. "/layer")

  local created = os.date("!%Y-%m-%dT%H:%M:%SZ", options.epoch)
  local architecture, variant = table.unpack(ARCHITECTURES[options.arch])
  local described = blob(TYPES.config, {
    created = created,
    architecture = architecture,
    variant = variant,
    os = "linux",
    config = config,
    rootfs = { type = "layers", diff_ids = json.array { "sha256:" .. inner } },
    history = json.array { { created = created, created_by = "bq" } },
  })
  local manifest = blob(TYPES.manifest, {
    schemaVersion = 2,
    mediaType = TYPES.manifest,
    config = described,
    layers = json.array { { mediaType = TYPES.layer, digest = "sha256:" .. layer.sha256, size = layer.size } },
  })
  manifest.platform = { architecture = architecture, variant = variant, os = "linux" }
  manifest.annotations = { [oci.NAME] = name }
  write("oci-layout", oci.LAYOUT)
  local index = { schemaVersion = 2, mediaType = TYPES.index, manifests = json.array { manifest } }
  write("index.json", json.encode(index))
  local docker = {
    Config = BLOBS .. described.digest:match ":(.*)",
    RepoTags = json.array { name },
    Layers = json.array { BLOBS .. layer.sha256 },
  }
  write("manifest.json", json.encode(json.array { docker }))
  return archive.pack {
    output = options.output,
    sources = sources,
    compression = "none",
    mtime = options.epoch,
  }
end

return oci
