-- A staged root as its seed: what staging added is hidden, whatever the seed has at these places.
local check = require "check"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local mask = require "bq.run.mask"
local scratch = require "scratch"
local stage = require "bq.stage.stage"

local EMPTY <const> = { recipes = {}, modules = {}, programs = {} }

--- Stages a root that has these files.
local function staged(root, texts)
  fs.mkdir(root)
  for path, text in pairs(texts) do
    scratch.write(root .. "/" .. path, text)
  end
  local made = stage.places(root)
  stage.install(root, EMPTY)
  stage.mark(root, { seed_id = "a seed", seed_digest = scratch.sha256 "a seed", made = made })
end

--- A layer's entries: type and mode by path.
local function layer(root, basics)
  fs.remove_all "layer"
  fs.mkdir "layer"
  mask.make(root, basics, "layer", 1000)
  local out = {}
  for _, entry in ipairs(fs.walk "layer") do
    out[#out + 1] = entry.type == "char" and entry.path
      or ("%s %s %o %d"):format(entry.path, entry.type, entry.mode, entry.mtime)
  end
  return out
end

check.run {
  {
    "of a seed that has none of the places",
    function()
      staged("bare", { ["etc/name"] = "seed" })
      check.equal(mask.paths "bare", { "dev", "proc", "root", "run", "sys", "tmp", "usr", "var" })
      fs.mkdir "basics/dev"
      fs.mkdir "basics/var/tmp"
      fs.chmod("basics/dev", files.mode "700")
      check.equal(layer("bare", "basics"), {
        "dev dir 700 1000",
        "proc",
        "root",
        "run",
        "sys",
        "tmp",
        "usr",
        "var dir 755 1000",
        "var/lib",
      })
    end,
  },
  {
    "of a seed that has files of its own there",
    function()
      staged("full", { ["usr/local/bin/own"] = "", ["usr/local/share/x"] = "", ["var/lib/x"] = "", ["root/x"] = "" })
      fs.chmod("full/usr/local", files.mode "711")
      local paths, programs = mask.paths "full", {}
      for index = #paths, 1, -1 do
        local program = paths[index]:match "^usr/local/bin/(.*)%.lua$"
        if program then
          table.insert(programs, 1, table.remove(paths, index))
        end
      end
      check.equal(paths, { "dev", "proc", "run", "sys", "tmp", "usr/local/bin/bq", "usr/local/share/bq", "var/lib/bq" })
      check.truthy(#programs > 5)
      check.contains(table.concat(programs, " "), "usr/local/bin/coordinator.lua")
      local all = table.concat(layer("full", "none"), "\n")
      check.contains(all, "usr dir 755 1000\nusr/local dir 711 1000\nusr/local/bin dir 755 1000\n")
      check.contains(all, "\nusr/local/bin/bq\n")
    end,
  },
  {
    "of a seed with links there",
    function()
      fs.mkdir "linked/opt/real/bin"
      fs.mkdir "linked/usr"
      fs.symlink("/opt/real", "linked/usr/local")
      staged("linked", {})
      local all = table.concat(mask.paths "linked", "\n")
      check.contains(all, "opt/real/bin/bq\n")
      check.contains(all, "opt/real/share\n")
      check.truthy(not all:find("usr/local", 1, true))
    end,
  },
  {
    "a root that another version of bq staged has to be staged again",
    function()
      fs.mkdir "old"
      local err = check.raises(function()
        mask.paths "old"
      end)
      check.equal(fail.lines(err), {
        "error: the rootfs was staged by another version of bq",
        "hint: stage it again: `bq scripts/build_sysroot.lua`",
      })
    end,
  },
}
