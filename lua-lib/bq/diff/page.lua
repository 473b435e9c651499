-- Shows what differs as a page of HTML.
local html = require "bq.html"
local show = require "bq.diff.show"

local page = {}

local STYLE <const> = [[
details{margin-left:14px;border-left:2px solid var(--line);padding-left:10px}
details.top{margin-left:0}
.cause{color:var(--warm)}.sure{color:var(--good)}
ins{color:var(--good);text-decoration:none}del{color:var(--bad);text-decoration:none}
]]

-- How many nodes are open at the beginning.
local OPEN <const> = 40

local function add(out, one, depth, count)
  count.nodes = count.nodes + 1
  local open = count.nodes <= OPEN and " open" or ""
  out[#out + 1] = ('<details%s%s><summary class="m">%s%s</summary>\n'):format(
    depth == 1 and ' class="top"' or "",
    open,
    html.escape(one.name),
    one.kind and one.kind ~= "changed" and (' <span class="d">%s</span>'):format(one.kind) or ""
  )
  for _, fact in ipairs(one.facts) do
    out[#out + 1] = ("<div>%s</div>\n"):format(html.escape(fact))
  end
  if #one.lines > 0 then
    out[#out + 1] = "<pre>"
    for _, line in ipairs(one.lines) do
      local tag = line.sign == "-" and "del" or line.sign == "+" and "ins" or "span"
      out[#out + 1] = ("<%s>%s %s</%s>\n"):format(tag, line.sign, html.escape(line.text), tag)
    end
    out[#out + 1] = one.cut > 0 and ("… and %d more lines"):format(one.cut) or ""
    out[#out + 1] = "</pre>\n"
  end
  for _, reason in ipairs(one.causes) do
    out[#out + 1] = ('<div class="%s">%s</div>\n'):format(
      reason.sure and "sure" or "cause",
      html.escape(show.cause(reason))
    )
  end
  for _, group in ipairs(show.groups(one)) do
    out[#out + 1] = group.name and ("<h3>package %s</h3>\n"):format(html.escape(group.name)) or ""
    for _, shown in ipairs(show.shown(group.nodes)) do
      add(out, shown.node, depth + 1, count)
    end
  end
  out[#out + 1] = "</details>\n"
end

--- The page.
---@param top bq.diff.Node
---@return string
function page.of(top)
  local body = { "<main>\n<h1>What differs</h1>\n" }
  body[#body + 1] = ('<p class="m">%s</p>\n'):format(html.escape(top.name))
  local lines = show.summary_lines(top)
  for _, line in ipairs(#lines > 0 and lines or { "nothing differs" }) do
    body[#body + 1] = ("<p>%s</p>\n"):format(html.escape(line))
  end
  if not top:is_empty() then
    add(body, top, 1, { nodes = 0 })
  end
  body[#body + 1] = "</main>\n"
  return html.page { title = "bq diff", body = body, style = STYLE }
end

return page
