local check = require "check"
local files = require "bq.files"
local tables = require "bq.tables"

check.run {
  {
    "lists",
    function()
      local list = { 1 }
      check.equal(tables.append(list, { 2, 3 }), { 1, 2, 3 })
      check.truthy(tables.append(list, nil) == list)
      local copy = tables.copy(list)
      copy[1] = 9
      check.equal({ list, tables.copy(nil) }, { { 1, 2, 3 }, {} })
      check.equal(
        { tables.contains(list, 2), tables.contains(list, 4), tables.contains({}, nil) },
        { true, false, false }
      )
    end,
  },
  {
    "names in order, whatever the table's own",
    function()
      local of, seen = {}, {}
      for index = 40, 1, -1 do
        of[("n%02d"):format(index)] = index
      end
      for name, value in tables.sorted(of) do
        seen[#seen + 1] = name
        check.equal(of[name], value)
      end
      check.equal(seen, tables.names(of))
      for index, name in ipairs(seen) do
        check.equal(name, ("n%02d"):format(index))
      end
    end,
  },
  {
    "modes as people write them",
    function()
      check.equal({ files.mode "0755", files.mode "22", files.mode(420), files.mode "4755" }, { 493, 18, 420, 2541 })
      check.equal(files.mode(nil), nil)
    end,
  },
}
