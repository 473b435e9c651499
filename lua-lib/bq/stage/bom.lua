-- The bill of materials: CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/), the same for the same root.
local digest = require "bq.digest"
local identity = require "bq.source.identity"
local json = require "bq.json"
local spdx = require "bq.plan.spdx"
local tables = require "bq.tables"
local template = require "bq.plan.template"

local bom = {}

--- A part of a package URL (https://github.com/package-url/purl-spec): all but these letters is encoded.
local function encoded(text)
  return (text:gsub("[^%w._~:-]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

local function reference(name, version)
  return ("pkg:generic/%s@%s"):format(encoded(name), encoded(version))
end

--- A licence as SPDX says it, or by its name if it is another one.
local function licenses(text)
  if spdx.problem(text) then
    return json.array { { license = { name = text } } }
  end
  return json.array { { expression = text } }
end

--- The files that a package was made from, by the names of its sources; the main one has no name of its own.
local function sources(step, locked)
  local out = {}
  for name in tables.sorted(step.sources) do
    local used, suffix = locked[identity.id(step, name)], name == "main" and "" or ":" .. name
    out[#out + 1] = used and { "bq:source" .. suffix, used.file } or nil
    out[#out + 1] = used and { "bq:source" .. suffix .. ":sha256", used.sha256 } or nil
  end
  return out
end

--- The source that was used, with its address and digest.
local function references(step, locked)
  local out = json.array {}
  for name, alternatives in tables.sorted(step.sources) do
    local used = locked[identity.id(step, name)]
    for _, one in ipairs(alternatives) do
      if used and one.sha256 == used.sha256 and one.url then
        out[#out + 1] = {
          type = "source-distribution",
          url = template.fill(one.url, { name = step.name, version = step.version }),
          hashes = json.array { { alg = "SHA-256", content = used.sha256 } },
        }
      end
    end
  end
  if step.homepage then
    out[#out + 1] = { type = "website", url = step.homepage }
  end
  return #out > 0 and out or nil
end

local function properties(pairs_of)
  local out = json.array {}
  for _, one in ipairs(pairs_of) do
    if one[2] then
      out[#out + 1] = { name = one[1], value = one[2] }
    end
  end
  return out
end

local function component(plan, step, locked, outputs)
  return {
    type = "library",
    ["bom-ref"] = step.id,
    name = step.name,
    version = step.version,
    purl = reference(step.name, step.version),
    licenses = licenses(step.license),
    externalReferences = references(step, locked),
    properties = properties(tables.append({
      { "bq:phase", step.phase },
      { "bq:output", outputs[step.id] },
      { "bq:target", plan.target },
    }, sources(step, locked))),
  }
end

--- The bill of a root.
---@param plan table
---@param steps table[] what the root is made of
---@param locked table<string, { sha256: string, file: string }> the sources, by id
---@param outputs table<string, string> output digests by step id
---@param root string the root's digest
---@param program? string SHA-256 of bq itself, if it is in the root: it is not built there
---@return table
function bom.make(plan, steps, locked, outputs, root, program)
  local components, dependencies, here = json.array {}, json.array {}, {}
  for _, step in ipairs(steps) do
    here[step.id] = true
  end
  for _, step in ipairs(steps) do
    components[#components + 1] = component(plan, step, locked, outputs)
    local needs = json.array {}
    for _, id in ipairs(step.depends) do
      needs[#needs + 1] = here[id] and id or nil
    end
    dependencies[#dependencies + 1] = { ref = step.id, dependsOn = needs }
  end
  if program then
    components[#components + 1] = {
      type = "application",
      ["bom-ref"] = "bq",
      name = "bq",
      licenses = json.array { { expression = "MIT" } },
      hashes = json.array { { alg = "SHA-256", content = program } },
    }
  end
  return {
    bomFormat = "CycloneDX",
    specVersion = "1.6",
    serialNumber = "urn:uuid:" .. digest.uuid(root),
    version = 1,
    metadata = {
      timestamp = os.date("!%Y-%m-%dT%H:%M:%SZ", plan.epoch),
      component = {
        type = "operating-system",
        ["bom-ref"] = "root",
        name = plan.system and plan.system.name or "rootfs-" .. plan.arch,
        version = root:sub(1, 16),
      },
    },
    components = components,
    dependencies = dependencies,
  }
end

return bom
