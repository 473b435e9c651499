-- The finished root: the outputs of its phases in one tree, with bq, the plan and the metadata files.
local bom = require "bq.stage.bom"
local digest = require "bq.digest"
local fail = require "bq.fail"
local files = require "bq.files"
local finished = require "bq.system.finished"
local fs = require "bq.fs"
local identity = require "bq.source.identity"
local json = require "bq.json"
local metadata = require "bq.stage.metadata"
local progress = require "bq.progress"
local schema = require "bq.schema"
local source = require "bq.source.source"
local stage = require "bq.stage.stage"
local tables = require "bq.tables"
local union = require "bq.stage.union"
local workspace = require "bq.workspace"

local finish = {}

-- The permission bits that an ordinary user's tree may have.
local NO_SET_ID <const> = files.mode "1777"

---@class bq.Owned: bq.digest.Line a path of the root and whose it is
---@field path string without a leading `/`
---@field type "file"|"dir"|"link"
---@field mode integer
---@field size integer
---@field digest? string SHA-256 of a file's content
---@field target? string of a link
---@field uid? integer 0 if absent
---@field gid? integer 0 if absent
---@field capabilities? string `security.capability` in hexadecimal digits
---@field ["package"] string
---@field licence? string of a package's file

--- Copies the outputs into the tree, each path from the package that owns it.
---@param tree string
---@param parts bq.Part[]
---@param made bq.Union of them
---@return table<string, bq.Owned> owned by path
local function fill(tree, parts, made)
  local bar <close> = progress.bar { label = "copy outputs", length = #parts }
  for index, part in ipairs(parts) do
    bar:set(index - 1)
    bar:message(part.package)
    -- No hard links: a write in the tree must not change the store.
    fs.copy(part.path, tree, { merge = true, skip = made.skip[part] })
  end
  bar:set(#parts)
  bar:message "reading the tree"
  local owned = {}
  for _, line in ipairs(digest.manifest(tree)) do
    ---@cast line bq.Owned
    local placed = made.entries[line.path]
    local attributes = placed.attributes or {}
    if line.type == "dir" and attributes.mode then
      fs.chmod(tree .. "/" .. line.path, attributes.mode & NO_SET_ID)
    end
    local step = placed.part.step
    line.package, line.licence = step and step.name or "system", step and step.license
    line.mode = attributes.mode or line.mode
    line.uid, line.gid, line.capabilities = attributes.uid, attributes.gid, attributes.capabilities
    owned[line.path] = line
  end
  return owned
end

local function sorted(owned)
  local list = json.array {}
  for _, line in pairs(owned) do
    list[#list + 1] = line
  end
  table.sort(list, function(a, b)
    return a.path < b.path
  end)
  return list
end

--- Raises if any file or link of the tree contains a text. The finished root must not depend on the toolchain that
--- built it.
local function refuse_traces(tree, owned, text)
  local found = {}
  for _, line in pairs(owned) do
    local content = line.type == "file" and fs.read(tree .. "/" .. line.path) or line.target
    if content and content:find(text, 1, true) then
      found[#found + 1] = ("  /%s (%s)"):format(line.path, line.package)
    end
  end
  if #found > 0 then
    table.sort(found)
    fail.raise(("%d files of the finished root name `%s`, which is not in it"):format(#found, text), {
      notes = found,
      hint = "mend the recipe, or let it leave the file out by `leave_out`",
    })
  end
end

local EXECUTABLE <const> = files.mode "0111"

--- Makes one file of a program that a package has under several names in a folder, as hard links.
--- Files with attributes are not linked: all links of a file have the same attributes.
local function link_names(tree, owned)
  local first = {}
  for _, line in ipairs(sorted(owned)) do
    local is_plain = not (line.uid or line.gid or line.capabilities) and line.mode & ~NO_SET_ID == 0
    if line.type == "file" and is_plain and line.mode & EXECUTABLE ~= 0 then
      local what = ("%s %o %s %s"):format(line.digest, line.mode, line.package, files.parent(line.path))
      if first[what] then
        fs.remove(tree .. "/" .. line.path)
        fs.link(tree .. "/" .. first[what], tree .. "/" .. line.path)
      else
        first[what] = line.path
      end
    end
  end
end

--- The steps whose outputs are in the finished root, the lowest first.
local function steps_of(state)
  local plan, out = state.plan, {}
  for _, name in ipairs(plan.finish) do
    for _, id in ipairs(state:phase_steps(name)) do
      out[#out + 1] = state.by_id[id]
    end
  end
  return out
end

--- The files that staging added: bq, its library and the programs.
local function add_ours(tree, owned)
  for _, line in ipairs(digest.manifest(tree)) do
    ---@cast line bq.Owned
    if not owned[line.path] then
      line.package, line.licence = "bq", "MIT"
      owned[line.path] = line
    end
  end
end

--- The attributes in the manifest of a finished tree.
---@param tree string
---@return table<string, bq.Attribute>? attributes by path; `nil` of a tree without a manifest
function finish.attributes(tree)
  local manifest = schema.read(tree .. workspace.INSIDE .. "/manifest.json", metadata.MANIFEST)
  if not manifest then
    return nil
  end
  local out = {}
  for _, line in ipairs(manifest.files or {}) do
    local mode = line.mode & ~NO_SET_ID ~= 0 and line.mode or nil
    if line.uid or line.gid or line.capabilities or mode then
      out[line.path] = { uid = line.uid, gid = line.gid, mode = mode, capabilities = line.capabilities }
    end
  end
  return out
end

--- The root that builds itself again: all outputs of its phases.
---@param state bq.State
---@return bq.system.Root
local function whole(state)
  local steps, parts = steps_of(state), {}
  state:require_done(steps)
  for index, step in ipairs(steps) do
    parts[index] = union.part(state, step)
  end
  return { steps = steps, parts = parts, joined = union.of(parts), secret = {}, why = {} }
end

--- The digest of the tree, without the content of what is secret: who knows all the rest could try what it is.
local function digest_of(tree, made)
  local attributes, exclude = {}, {}
  for path, one in pairs(made.joined.attributes) do
    attributes[path] = not made.secret[path] and one or nil
  end
  for path in tables.sorted(made.secret) do
    exclude[#exclude + 1] = path
  end
  return digest.tree(tree, { attributes = attributes, exclude = exclude })
end

--- The lines of the manifest.
local function lines_of(owned, secret)
  for path in pairs(secret) do
    local line = owned[path] --[[@as table<string, any>]]
    if line then
      line.digest, line.size, line.secret = nil, 0, true
    end
  end
  return sorted(owned)
end

--- The sources of what is in the root.
---@return table<string, { sha256: string, file: string }>
local function sources_of(space, inside, steps)
  local out, wanted = {}, {} ---@type table<string, { sha256: string, file: string }>, table<string, true>
  local ids = {}
  for _, step in ipairs(inside and {} or steps) do
    for name in pairs(step.sources) do
      ids[#ids + 1] = identity.id(step, name)
    end
  end
  for _, want in ipairs(inside and source.wanted(inside) or {}) do
    ids[#ids + 1] = want.id
  end
  for _, id in ipairs(ids) do
    wanted[id] = true
  end
  for id, locked in pairs(space:locked().sources or {}) do
    out[id] = wanted[id] and locked or nil
  end
  return out
end

--- Makes the tree `finished/` of the workspace from outputs in the store.
---@param space bq.Workspace
---@param state bq.State that has looked into the store
---@param inside? table the plan by which the root builds itself again; a root of one's own has none
---@param command bq.Command where the library, the recipes and the plan come from
---@param program? string the file of the bq that goes into it; `nil` for a root without one
---@return string tree
---@return string digest of the tree without bq and the metadata files
---@return table<string, { sha256: string, file: string }> sources that the root builds itself from
---@return table<string, bq.Attribute> attributes by path
function finish.tree(space, state, inside, command, program)
  local plan, partial = state.plan, space:at "finished.partial"
  local layer = space:at "finished.system"
  local made = inside and whole(state) or finished.own(space, state, layer)
  local has_bq = program ~= nil
  fs.remove_all(partial)
  fs.mkdir(partial)
  local owned = fill(partial, made.parts, made.joined)
  if plan.sysroot ~= "" then
    refuse_traces(partial, owned, plan.sysroot)
  end
  link_names(partial, owned)
  local bar <close> = progress.bar { label = "finish the root" }
  bar:message "its digest and manifest"
  local base, made_folders = digest_of(partial, made), nil
  if has_bq then
    made_folders = stage.places(partial)
    stage.install(partial, command, program --[[@as string]])
  end
  if inside then
    stage.mark(partial, { seed_id = "finished", seed_digest = base, finished = true, made = made_folders })
  end
  add_ours(partial, owned)
  local sources = sources_of(space, inside, made.steps)
  local folder = partial .. workspace.INSIDE .. "/"
  fs.mkdir(folder)
  for name, value in pairs {
    ["plan.json"] = inside,
    ["lock.json"] = inside and { seed = { id = "finished", digest = base }, sources = sources },
    ["manifest.json"] = {
      root = base,
      files = lines_of(owned, made.secret),
      system = plan.system,
      packages = not inside and finished.packages(state, made) or nil,
    },
    ["sbom.json"] = bom.make(plan, made.steps, sources, state.outputs, base, has_bq and digest.file(program) or nil),
  } do
    fs.write(folder .. name, json.encode(value, { pretty = true }) .. "\n", { sync = false })
  end
  fs.remove_all(layer)
  local tree = space:at "finished"
  fs.remove(space:at "finished.json")
  files.publish(partial, tree)
  if not inside then
    finished.note(space, state)
  end
  -- A root of one's own does not build itself again.
  return tree, base, sources_of(space, inside, inside and made.steps or {}), made.joined.attributes
end

return finish
