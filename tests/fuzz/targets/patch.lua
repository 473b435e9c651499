-- Patches: nothing outside of the tree is touched, a refusal changes nothing, and what is said to be done was done.
local digest = require "bq.digest"
local fs = require "bq.fs"
local patch = require "bq.patch"

-- stylua: ignore
local target = {
  words = {
    "diff --git a/f b/f\n", "--- a/f\n", "+++ b/f\n", "--- /dev/null\n", "+++ /dev/null\n", "@@ -1,3 +1,3 @@\n", "@@ -0,0 +1 @@\n", "@@ -999999999,1 +1 @@\n",
    "rename from f\n", "rename to g\n", "copy from f\n", "copy to g\n", "new file mode 120000\n", "new file mode 100755\n", "deleted file mode 100644\n", "old mode 100644\n",
    "new mode 100755\n", "GIT binary patch\n", "literal 5\n", "delta 9\n", "\\ No newline at end of file\n", "../", "/", "../outside/file", "way/file", "d/", " ", "-", "+",
    "\"a/\\303\\274\"", "\t1970-01-01 00:00:00 +0000", "From 0123456789012345678901234567890123456789 \n",
  },
}

-- stylua: ignore
function target.seeds()
  local binary = "diff --git a/f b/f\nindex 1..2 100644\nGIT binary patch\nliteral 8\nPcmZQzWMT#Y01f~L\n\nliteral 5\nMcmZQzWMW_d01E&B\n\n"
  return {
    "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n@@ -7,3 +7,4 @@\n g\n h\n+i\n j\n",
    "--- a/g\n+++ b/g\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+y\n",
    "diff --git a/f b/d/new\nsimilarity index 90%\nrename from f\nrename to d/new\n--- a/f\n+++ b/d/new\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n c\n",
    "diff --git a/f b/h\ncopy from f\ncopy to h\ndiff --git a/g b/g\nold mode 100644\nnew mode 100755\n",
    "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+d/file\n\\ No newline at end of file\n",
    "--- old/way/file\n+++ new/way/file\n@@ -1 +1 @@\n-mine\n+yours\n",
    "--- /dev/null\n+++ b/d/made\n@@ -0,0 +1,2 @@\n+1\n+2\n--- a/d/made\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-1\n-2\n",
    "From 0123456789012345678901234567890123456789 Mon Sep 17\n---\ndiff --git a/e b/e\ndeleted file mode 100644\n-- \n2.47\n",
    binary,
  }
end

function target.prepare()
  fs.mkdir "outside"
  fs.write("outside/file", "mine\n")
end

local function make()
  fs.remove_all "tree"
  fs.mkdir "tree/d"
  fs.write("tree/f", "a\nb\nc\nd\ne\nf\ng\nh\nj\n", { sync = false })
  fs.write("tree/g", "x", { sync = false })
  fs.write("tree/e", "", { sync = false })
  fs.write("tree/d/file", "mine\n", { sync = false })
  fs.symlink("../outside", "tree/way")
end

local CHOICES = { {}, { strip = 1 }, { strip = 0, fuzz = 2 } }

function target.try(input)
  for _, choice in ipairs(CHOICES) do
    make()
    local before = digest.tree "tree"
    local ok, result = pcall(patch.apply, { text = input, root = "tree", strip = choice.strip, fuzz = choice.fuzz })
    if ok then
      local last = {}
      for _, file in ipairs(result.files) do
        last[file.path] = file.action
        last[file.from or ""] = file.action == "rename" and "delete" or last[file.from or ""]
      end
      for path, action in pairs(last) do
        local stat = path ~= "" and fs.lstat("tree/" .. path)
        -- A folder may be in the place of a file that went: `f` was renamed to `f/new`.
        local is_gone = not stat or stat.type == "dir"
        assert(path == "" or is_gone == (action == "delete"), path .. " is not as " .. action .. " says")
      end
    else
      assert(
        type(result) == "table" and type(result.code) == "string" and result.code ~= "argument" and result.code ~= "lua",
        result
      )
      assert(digest.tree "tree" == before, "a refusal changed something")
    end
    for _, name in ipairs(fs.list "tree") do
      assert(not name:find "^%.patch%-", "what was put aside was left")
    end
  end
  assert(fs.read "outside/file" == "mine\n" and #fs.list "outside" == 1, "something outside was changed")
end

return target
