-- The report of a build: what it tells, and that a browser shows it without asking anybody anything.
local built = require "built"
local check = require "check"
local fs = require "bq.fs"
local graph = require "bq.plan.graph"
local html = require "bq.html"
local json = require "bq.json"
local layered = require "bq.pages.layered"
local process = require "bq.process"
local scratch = require "scratch"
local treemap = require "bq.pages.treemap"

local PHASES <const> = {
  { name = "low", base = { "seed" }, env = { PATH = "/bin", CC = "cc <&>" } },
  { name = "high", base = { "low" } },
}

--- A build of some packages; the last step is not built.
local function make(folder, count)
  local steps = { { "low/lib", nil, { homepage = "https://example.org/lib" } }, { "low/app", { "low/lib" } } }
  for index = 1, count do
    local below = index > 1 and index % 3 > 0 and { "high/p" .. index - 1 } or {}
    steps[#steps + 1] = {
      "high/p" .. index,
      below,
      { license = index % 2 == 0 and "ISC" or "GPL-2.0-only", fields = { configure = { "<&>" } } },
    }
  end
  steps[#steps + 1] = { "high/end", { "high/p1" } }
  return built.workspace(folder, built.plan(PHASES, steps), function(id)
    return id ~= "high/end" and { ["usr/lib/" .. id:gsub("/", "-")] = ("x"):rep(20000), ["usr/share/<doc>"] = id }
      or nil
  end)
end

local space = make("space", 6)
local code, _, err = built.run("report", { "--workspace", space.path, "--output", "report.html" })
check.equal(code, 0, err)
local page = fs.read "report.html"

--- All elements are closed in the order in which they were opened.
local function check_nesting(text)
  local EMPTY <const> = { meta = true, br = true, input = true }
  text = text:gsub("<script>.-</script>", ""):gsub("<style>.-</style>", "")
  local open, count = {}, 0
  for closing, name, rest in text:gmatch "<(/?)(%a[%w]*)([^>]*)>" do
    if closing == "/" then
      check.equal(name, table.remove(open))
    elseif not EMPTY[name] and not rest:find "/$" then
      open[#open + 1] = name
      count = count + 1
    end
  end
  check.equal(open, {})
  check.truthy(count > 100)
end

--- A browser, if there is one.
local function browser()
  for _, name in ipairs { "chromium", "chromium-browser", "google-chrome" } do
    local found = process.which(name)
    if found then
      return found
    end
  end
end

--- Opens a page in a browser, runs a script in it, and gives what the script says; and all that the console says.
local function browse(program, file, script)
  local text = fs.read(file)
  local probe = [[<pre id="said-by-test"></pre><script>window.addEventListener("load", () => { setTimeout(() => {
    const out = {}; try { (function (out) { ]] .. script .. [[ })(out); } catch (e) { out.error = String(e); }
    out.requests = performance.getEntriesByType("resource").length;
    document.getElementById("said-by-test").textContent = JSON.stringify(out); }, 0); });</script>]]
  scratch.write("probe.html", (text:gsub("</body>", (probe:gsub("%%", "%%%%")))))
  local ended = process.run {
    argv = {
      program,
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--user-data-dir=" .. fs.realpath "." .. "/profile",
      "--host-resolver-rules=MAP * ~NOTFOUND",
      "--timeout=60000",
      "--enable-logging=stderr",
      "--dump-dom",
      "file://" .. fs.realpath "probe.html",
    },
    stdout = "capture",
    stderr = "capture",
    timeout = 300,
  }
  local said = ended.stdout:match '<pre id="said%-by%-test">(.-)</pre>'
  check.truthy(said and said ~= "", ended.stderr)
  local console = {}
  for line in ended.stderr:gmatch "[^\n]*CONSOLE[^\n]*" do
    console[#console + 1] = line
  end
  local plain = said:gsub("&lt;", "<"):gsub("&gt;", ">"):gsub("&amp;", "&")
  return json.decode(plain), console
end

check.run {
  {
    "the page is well formed, and names no file and no server that it would load",
    function()
      check_nesting(page)
      for _, bad in ipairs { "<link", "<img", "src=", "url%(", "@import", "<iframe", "fetch%(", "XMLHttp" } do
        check.truthy(not page:find(bad), bad)
      end
      check.contains(page, "default-src 'none'")
    end,
  },
  {
    "what is in a plan or a file's name is text, not HTML",
    function()
      check.equal(html.escape '<a href="x">&\27\xff', "&lt;a href=&quot;x&quot;&gt;&amp;\\x1b\\xff")
      check.contains(page, "CC=cc &lt;&amp;&gt;")
      check.truthy(not page:find("cc <&>", 1, true))
    end,
  },
  {
    "each step has its page: reason, key by field, output, log, licence, who depends on it",
    function()
      local app = page:match '<details class="step" id="d2">(.-)</details>'
      for _, part in ipairs {
        "<b>low/app</b>",
        "it was never built here",
        "<td>MIT</td>",
        '<a href="#s1">low/lib</a>',
        "depends low/lib output",
        "20.0 KB in 2 files",
        "building low/app\nall is well",
        "7 steps are built from it",
      } do
        check.contains(app, part)
      end
      local last = page:match "<b>high/end</b>.-</details>"
      check.contains(last, "it was never built here")
      check.contains(page, "https://example.org/lib")
    end,
  },
  {
    "the tables tell states, times, sizes and licences, and what is new",
    function()
      check.contains(page, "<b>8 / 9</b><span>steps are built</span>")
      check.truthy(page:find '<td>GPL%-2%.0%-only</td><td class="n" data%-v="3">3</td>')
      check.truthy(
        page:find 'id="h%-new".-high/p6</a></td><td class="n" data%-v="8.?0?">8%.0 s</td><td>it was never built here'
      )
    end,
  },
  {
    "a change is told with what came of it",
    function()
      local again = make("again", 2)
      local plan = json.decode(fs.read(again:at "plan.json"))
      plan.steps[2].fields = { env = { A = "1" } }
      plan.steps[2].version = "2"
      local old = fs.read(again:at "journal.jsonl")
      local changed = built.workspace("again", plan, function(id)
        return id ~= "high/end" and { file = id .. (id == "low/app" and "new" or "") } or nil
      end)
      local new = {}
      for line in fs.read(changed:at "journal.jsonl"):gmatch "[^\n]+" do
        new[#new + 1] = not line:find '"step":"low/lib"' and line or nil
      end
      fs.write(changed:at "journal.jsonl", old .. table.concat(new, "\n") .. "\n")
      check.equal((built.run("report", { "--workspace", changed.path, "--output", "again.html" })), 0)
      local part = fs.read("again.html"):match 'id="h%-new">(.-)</table>'
      check.contains(part, "another output, version 1 → 2")
      check.truthy(not part:find "low/lib")
    end,
  },
  {
    "the longest chain, and the way a plan is laid out",
    function()
      local plan = built.plan(
        PHASES,
        { { "low/a" }, { "low/b", { "low/a" } }, { "low/c" }, { "high/d" }, { "high/e", { "high/d" } } }
      )
      local all = { ["low/a"] = true, ["low/b"] = true, ["low/c"] = true, ["high/d"] = true, ["high/e"] = true }
      local seconds = { ["low/a"] = 1, ["low/b"] = 2, ["low/c"] = 9, ["high/d"] = 1, ["high/e"] = 1 }
      local chain, longest = graph.new(plan):longest_chain(all, seconds)
      check.equal({ chain, longest }, { { "low/c", "high/d", "high/e" }, 11 })
      all["high/d"], all["low/c"] = nil, nil
      chain, longest = graph.new(plan):longest_chain(all, seconds)
      check.equal({ chain, longest }, { { "low/a", "low/b", "high/e" }, 4 })
      local layout = layered.of(plan)
      check.truthy(layout.places["low/b"].x > layout.places["low/a"].x + layout.places["low/a"].width)
      check.truthy(layout.places["high/d"].y > layout.phases[1].y + layout.phases[1].height)
      local seen = {}
      for id, one in pairs(layout.places) do
        for other, two in pairs(seen) do
          local apart = one.x + one.width <= two.x
            or two.x + two.width <= one.x
            or one.y + layered.HEIGHT <= two.y
            or two.y + layered.HEIGHT <= one.y
          check.truthy(apart, id .. " lies on " .. other)
        end
        seen[id] = one
      end
    end,
  },
  {
    "a treemap fills its rectangle, each area as large as its part",
    function()
      local items = {}
      for index, size in ipairs { 600, 600, 400, 300, 200, 200, 100, 0 } do
        items[index] = { size = size }
      end
      local sum = 0
      for index, one in ipairs(treemap.divide(items, 0, 0, 6, 4)) do
        check.truthy(math.abs(one.width * one.height - items[index].size / 100) < 1e-9)
        check.truthy(
          one.x >= -1e-9 and one.y >= -1e-9 and one.x + one.width <= 6 + 1e-9 and one.y + one.height <= 4 + 1e-9
        )
        sum = sum + one.width * one.height
      end
      check.truthy(math.abs(sum - 24) < 1e-9)
      check.equal(treemap.divide({}, 0, 0, 1, 1), {})
    end,
  },
  {
    "nothing is written without a name, and a plan of which nothing is built has a report too",
    function()
      local code, _, err = built.run("report", { "--workspace", space.path })
      check.equal(code, 2)
      check.contains(err, "where to?")
      local bare = built.workspace("bare", built.plan(PHASES, { { "low/lib" } }), function() end)
      check.equal((built.run("report", { "--workspace", bare.path, "--output", "bare.html" })), 0)
      check_nesting(fs.read "bare.html" .. ("<b></b>"):rep(100))
    end,
  },
  {
    "in a browser: search, hover, links, sorting and zoom work; no request, no word on the console",
    function()
      local program = browser()
      if not program then
        print "skipped: report_in_a_browser: there is no chromium"
        return
      end
      local said, console = browse(
        program,
        "report.html",
        [[
        const by = (id) => document.getElementById(id), number = N.indexOf("low/app") + 1;
        out.steps = document.querySelectorAll("details.step").length;
        out.nodes = document.querySelectorAll("#graph .nd").length;
        out.bars = document.querySelectorAll("#gantt .g").length;
        out.tools = !by("tools").hidden;
        by("n" + number).dispatchEvent(new Event("mouseenter"));
        out.hover = by("said").textContent;
        out.below = by("n1").classList.contains("dn");
        by("n" + number).dispatchEvent(new Event("mouseleave"));
        out.left = document.querySelectorAll(".me,.dn,.up").length;
        const field = by("search");
        field.value = "P5"; field.dispatchEvent(new Event("input"));
        out.count = by("count").textContent;
        out.rows = Array.from(document.querySelectorAll("#steps tbody tr")).filter((row) => !row.hidden).length;
        field.value = ""; field.dispatchEvent(new Event("input"));
        const head = document.querySelectorAll("#steps th")[3];
        head.click(); out.first = document.querySelector("#steps tbody tr td").textContent;
        head.click(); out.again = document.querySelector("#steps tbody tr td").textContent;
        const before = by("graph").getAttribute("viewBox");
        const buttons = by("graph").parentElement.querySelectorAll(".zoom button");
        buttons[0].click(); out.zoomed = before !== by("graph").getAttribute("viewBox");
        buttons[2].click(); out.fit = by("graph").getAttribute("viewBox").split(" ").map(Number).join() === before.split(" ").map(Number).join();
        out.closed = !by("d" + number).open;
        document.querySelector("#steps a[href='#s" + number + "']").click();
        window.dispatchEvent(new Event("hashchange"));
        out.open = by("d" + number).open;
        out.wide = document.documentElement.scrollWidth <= window.innerWidth;
      ]]
      )
      check.equal(console, {})
      check.equal(said, {
        steps = 9,
        nodes = 9,
        bars = 8,
        tools = true,
        hover = "low/app: depends on 1 steps by name, 0 depend on it",
        below = true,
        left = 0,
        count = "1 of 9 steps",
        rows = 1,
        first = "high/p6",
        again = "high/end",
        zoomed = true,
        fit = true,
        closed = true,
        open = true,
        wide = true,
        requests = 0,
      })
    end,
  },
  {
    "a plan of a thousand steps: the page is not large, and a browser opens it",
    function()
      make("large", 1000)
      check.equal((built.run("report", { "--workspace", "large", "--output", "large.html" })), 0)
      local size = #fs.read "large.html"
      check.truthy(size < 5 << 20, ("%d bytes"):format(size))
      local program = browser()
      if program then
        local said, console = browse(
          program,
          "large.html",
          [[
          out.steps = document.querySelectorAll("details.step").length;
          out.high = document.body.offsetHeight > 10000;
        ]]
        )
        check.equal({ said.steps, said.high, said.requests, console }, { 1003, true, 0, {} })
      end
    end,
  },
}
