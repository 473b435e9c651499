-- Searches for texts in files of any size, in chunks.
local search = {}

local PIECE <const> = 1 << 20
-- How many bytes of a line are shown, and how far a text may continue in the next chunk.
local SHOWN <const> = 80

--- The line around a text, shortened if it is long.
local function around(bytes, first, last)
  local before = bytes:sub(math.max(1, first - SHOWN), first - 1):match "[^\n\0]*$"
  local after = bytes:sub(last + 1, last + SHOWN):match "^[^\n\0]*"
  return ((before .. bytes:sub(first, last) .. after):gsub("[^\32-\126\128-\255]", "?"))
end

--- Whether a file is text: its first part has no zero byte.
---@param path string
---@return boolean
function search.is_text(path)
  local file <close> = assert(io.open(path, "rb"))
  return not (file:read(8192) or ""):find("\0", 1, true)
end

--- The first of some texts that is in a file.
---@param path string
---@param texts string[]
---@return string? text
---@return string? line in which it is
function search.find(path, texts)
  local file <close> = assert(io.open(path, "rb"))
  local kept = ""
  while true do
    local piece = file:read(PIECE)
    local bytes = kept .. (piece or "")
    for _, text in ipairs(texts) do
      local first, last = bytes:find(text, 1, true)
      -- The line may continue in the next chunk.
      if first and (not piece or last + SHOWN <= #bytes) then
        return text, around(bytes, first, last)
      end
    end
    if not piece then
      return nil
    end
    kept = bytes:sub(-4 * SHOWN)
  end
end

return search
