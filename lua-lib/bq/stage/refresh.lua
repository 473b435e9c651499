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
  local changed = made.page and not space.inside and files.read(made.page.path)
  if made.page and not space.inside and (not changed or files.chunk_digest(changed) ~= made.page.sha256) then
    why = why or ("`%s` %s"):format(files.name(made.page.path), changed and "was edited" or "is gone")
  end
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
