-- Makes the plan of a workspace again when what it was made from has changed.
local command = require "bq.stage.command"
local digest = require "bq.digest"
local events = require "bq.events"
local fail = require "bq.fail"
local files = require "bq.files"
local log = require "bq.log"
local process = require "bq.process"
local stale = require "bq.plan.stale"
local tables = require "bq.tables"

--- Whether the page of a system, or a file that it names, is not what the plan was made from any more.
---@param page { path: string, sha256: string, beside?: table<string, string> }
---@return string? what has changed
local function edited(page)
  local text = files.read(page.path)
  if not text or files.chunk_digest(text) ~= page.sha256 then
    return ("`%s` %s"):format(files.name(page.path), text and "was edited" or "is gone")
  end
  for path, sha256 in tables.sorted(page.beside or {}) do
    text = files.read(path)
    if not text or digest.sha256(text) ~= sha256 then
      return ("`%s` %s"):format(files.name(path), text and "was edited" or "is gone")
    end
  end
end

--- Makes the plan again if its recipes, strategies or declaration have changed.
---@param space bq.Workspace
---@param made table
---@return table plan
---@return bq.Command command what the workspace was made by
local function refresh(space, made)
  local one, another = command.recall(space, made)
  local why = stale(made, one.recipes, one.modules)
  if not why and made.script and one.text and digest.sha256(one.text) ~= made.script then
    local here = one.folder .. "/"
    why = ("`%s` was edited"):format(one.script:sub(1, #here) == here and one.script:sub(#here + 1) or one.script)
  end
  local staged = not space.inside and space:staged()
  if not why and staged and not staged.made then
    why = "the rootfs was staged by another version of bq"
  end
  why = why or made.page and not space.inside and edited(made.page) or nil
  if not why then
    if another then
      command.remember(space, one)
    end
    return made, one
  end
  log.info(why .. ": making the plan again")
  space:unlock()
  -- A plain chroot has no /proc to find the running program, and no /dev/null. So the streams are the caller's.
  local program = space.inside and "/usr/local/bin/bq" or process.executable()
  local status = process.run {
    argv = tables.append(tables.append({ program }, command.words(one, space)), events.is_on and { "--json" } or {}),
    cwd = one.folder,
    stdin = "inherit",
    stdout = "inherit",
    stderr = "inherit",
    die_with_parent = true,
  }
  if not status.ok then
    fail.exit(status.code or 1)
  end
  space:lock()
  return space:plan(), one
end

return refresh
