-- Pages of HTML that are whole by themselves: no file and no server is asked for anything, and without a script they can be read.
local html = {}

local ESCAPES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

--- Text for HTML, also within the quotes of an attribute. Control characters and bytes that are not UTF-8 are shown as text.
---@param text string
---@return string
function html.escape(text)
  if text:find "[%c\x80-\xff]" then
    text = text:gsub("[%z\1-\8\11-\31\127]", function(byte)
      return ("\\x%02x"):format(byte:byte())
    end)
    local _, bad = utf8.len(text)
    while bad do
      text = text:sub(1, bad - 1) .. ("\\x%02x"):format(text:byte(bad)) .. text:sub(bad + 1)
      _, bad = utf8.len(text, bad)
    end
  end
  return (text:gsub('[&<>"]', ESCAPES))
end

-- Colours of both themes; everything else is written with their names.
local STYLE <const> = [[
:root{color-scheme:light dark;--bg:#fbfbfa;--fg:#1d2329;--dim:#5d6873;--line:#d9dde1;--card:#fff;--mark:#0b62b0;--soft:#e9f1f9;
--good:#22863a;--bad:#b3261e;--warm:#b35900;--hot:#f5b971}
@media (prefers-color-scheme:dark){:root{--bg:#14181c;--fg:#dfe4e8;--dim:#98a4b0;--line:#2f373f;--card:#1b2127;--mark:#6cb2f2;
--soft:#1f2f3f;--good:#6cc47c;--bad:#ff8a80;--warm:#f0a860;--hot:#8a5a1c}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
main,header{max-width:1400px;margin:0 auto;padding:0 16px}
h1{font-size:22px;margin:20px 0 4px}h2{font-size:17px;margin:28px 0 8px}h3{font-size:15px;margin:16px 0 6px}
a{color:var(--mark);text-decoration:none}a:hover{text-decoration:underline}
code,pre,.m{font-family:ui-monospace,monospace;font-size:13px}
pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:8px 10px;overflow:auto;white-space:pre-wrap;margin:6px 0}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;padding:3px 10px 3px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--dim);font-weight:600}td.n,th.n{text-align:right;white-space:nowrap}
.d{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}.warm{color:var(--warm)}
.box{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:8px 12px;margin:8px 0}
summary{cursor:pointer}
]]

---@class bq.html.Page
---@field title string
---@field body string[] HTML
---@field style? string CSS, after that of all pages
---@field script? string JavaScript; what it does is only a help

--- A page. Its policy forbids it to load anything.
---@param page bq.html.Page
---@return string
function html.page(page)
  return table.concat {
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n",
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
    ("<title>%s</title>\n"):format(html.escape(page.title)),
    "<style>\n",
    STYLE,
    page.style or "",
    "</style>\n</head>\n<body>\n",
    table.concat(page.body),
    page.script and "<script>\n" .. page.script .. "</script>\n" or "",
    "</body>\n</html>\n",
  }
end

return html
