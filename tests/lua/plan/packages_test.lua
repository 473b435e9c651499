-- The bundled recipes: what lint cannot know of them.
local check = require "check"
local debian_lock = require "bq.seed.debian_lock"
local fs = require "bq.fs"
local host = require "bq.host"
local json = require "bq.json"
local page = require "bq.system.page"
local places = require "bq.plan.places"
local plan = require "bq.plan.plan"
local process = require "bq.process"
local recipe = require "bq.plan.recipe"
local scratch = require "scratch"
local spdx = require "bq.plan.spdx"
local tables = require "bq.tables"

local root = fs.realpath(host.script):match "^(.*)/tests/lua/.+$"
local recipes = recipe.collection { root .. "/scripts/packages" }
local names = recipes:names()
check.truthy(#names > 20, #names)

local function dry_run(...)
  local status = process.run {
    argv = { process.executable(), root .. "/scripts/build_sysroot.lua", "--dry-run", ... },
    stdout = "capture",
    stderr = "capture",
  }
  check.truthy(status.ok, status.stderr)
  return status.stdout
end

--- The bundled declaration, as its script hands it on.
local function declared()
  local name = "bq.stage.prepare"
  local real = package.loaded[name]
  package.loaded[name] = {
    main = function(one)
      return one
    end,
  }
  local one = dofile(root .. "/scripts/build_sysroot.lua")
  package.loaded[name] = real
  return one
end

--- The phases of the plan that is shown, each with the names of its packages.
local function phases_of(text)
  local out, packages = {}, nil
  for line in text:gmatch "[^\n]+" do
    local phase, package = line:match "^([%w_-]+) %(", line:match "^  ([%w_+.-]+) "
    if phase then
      packages = {}
      out[phase] = packages
    elseif package then
      packages[package] = true
    end
  end
  return out
end

local phases = phases_of(dry_run "--set=full")

check.run {
  {
    "what libyaml is compiled by is the same whenever it is",
    function()
      local code = [[
        local recipe, words = dofile(...), {}
        local b = { src = "src", version = recipe.version, env = { CC = "cc", CFLAGS = "" } }
        function b:run(argv) words = argv end
        recipe.build(b)
        print(table.concat(words, " "))]]
      local seen = {}
      -- The order of `pairs` is another one in each process.
      for _ = 1, 8 do
        local status = process.run {
          argv = { process.executable(), "-e", code, root .. "/scripts/packages/libyaml.lua" },
          stdout = "capture",
          stderr = "capture",
        }
        check.truthy(status.ok, status.stderr)
        check.contains(status.stdout, "-DYAML_VERSION_MAJOR=0 ")
        seen[#seen + 1] = seen[1] ~= status.stdout and status.stdout or nil
      end
      check.equal(#seen, 1)
    end,
  },
  {
    "a seed whose compiler is too old is refused with both releases",
    function()
      local code = [[
        local recipe = dofile(...)
        local b = {}
        function b:capture(argv) return argv[2] == "-dumpversion" and "18.1.8\n" or error "more is asked" end
        print(select(2, pcall(recipe.phases.sysroot.install, b)))]]
      local status = process.run {
        argv = { process.executable(), "-e", code, root .. "/scripts/packages/seed-clang.lua" },
        stdout = "capture",
        stderr = "capture",
      }
      check.equal(
        { status.stdout, status.stderr },
        { "the seed's clang is 18.1.8, and LLVM's C++ library needs 19 or newer\n", "" }
      )
    end,
  },
  {
    "each step is told to be user 0 without a complaint, and has UTF-8",
    function()
      local made = plan.make(declared(), { set = "full", arch = "x86_64" }, recipes)
      check.truthy(#made.steps > 40, #made.steps)
      for _, step in ipairs(made.steps) do
        local env, own = {}, recipes:resolve(recipes:get(step.name), step.phase).env or {}
        for _, name in ipairs { "FORCE_UNSAFE_CONFIGURE", "LC_ALL" } do
          env[name] = own[name] or made.phases[step.phase].env[name]
        end
        -- The `configure` of GNU tar and of others stops if it runs as user 0. In the locale C, CMake unpacks no names
        -- that are not ASCII.
        check.equal({ step.id, env.FORCE_UNSAFE_CONFIGURE, env.LC_ALL }, { step.id, "1", "C.UTF-8" })
      end
    end,
  },
  {
    "a system chooses its kernel: the same choice is the same step, whatever else the page says",
    function()
      local function kernel_of(more, arch)
        scratch.write("page/mine.lua", ('return { name = "mine", packages = {}, %s }'):format(more))
        local system = page.read("page/mine.lua", declared(), recipes)
        recipes:check()
        local made = plan.make(declared(), { set = "core", arch = arch or "x86_64", system = system }, recipes)
        for _, step in ipairs(made.steps) do
          if step.strategy == "kernel" then
            return json.encode { step.fields, step.code, step.as_is }, step
          end
        end
      end
      scratch.write("page/own.config", "CONFIG_KVM=y\n")
      local usual, step = kernel_of ""
      check.equal(#step.fields.fragments, 2)
      check.equal(step.fields.configs, nil)
      check.equal(kernel_of 'kernel = { config = "virtual" }', usual)
      check.equal(kernel_of 'hostname = "other", kernel = { command_line = "quiet" }', usual)
      local generic
      generic, step = kernel_of 'kernel = { config = "generic" }'
      check.truthy(generic ~= usual)
      check.equal(
        kernel_of 'kernel = { config = "generic" }, hostname = "other", users = { ann = { uid = 1000 } }',
        generic
      )
      local names = {}
      for index, one in ipairs(step.fields.fragments) do
        names[index] = one.name
      end
      check.equal(names, { "common.config", "x86_64.config", "generic.config", "generic-x86_64.config" })
      local own
      own, step = kernel_of 'kernel = { fragments = { "own.config" } }'
      check.truthy(own ~= usual and own ~= generic)
      local fragments = step.fields.fragments --[[@as { name: string, text: string }[] ]]
      check.equal(fragments[3], { name = "own.config", text = "CONFIG_KVM=y\n" })
      check.equal(step.as_is, { "fragments" })
      step = select(2, kernel_of('kernel = { config = "generic" }', "aarch64"))
      fragments = step.fields.fragments --[[@as { name: string, text: string }[] ]]
      check.equal(fragments[4].name, "generic-aarch64.config")
    end,
  },
  {
    "each says what it is, under which licence, and where its home is",
    function()
      for _, name in ipairs(names) do
        local found = recipes:get(name)
        local data = found.data
        check.truthy(found.text:find "^%-%- %w[^\n]+", name .. ": no comment says what it is")
        check.equal({ name, spdx.problem(data.license) }, { name, nil })
        check.truthy(not (data.source and not data.homepage), name .. ": no homepage")
        check.truthy(not data.homepage or data.homepage:find "^https://%S+$", name .. ": " .. tostring(data.homepage))
      end
    end,
  },
  {
    "in each phase, what it needs has a recipe",
    function()
      for _, name in ipairs(names) do
        local found = recipes:get(name)
        for phase in pairs(found.data.phases or {}) do
          check.truthy(phases[phase], ("%s: no phase `%s`"):format(name, phase))
        end
        for phase in pairs(phases) do
          recipes:lint(found)
          local fields = recipes:resolve(found, phase)
          check.truthy(recipes:strategy(fields.strategy), name .. ": " .. tostring(fields.strategy))
          for _, field in ipairs { "depends", "uses" } do
            for _, other in ipairs(fields[field] or {}) do
              check.truthy(
                other ~= name and recipes:get(other),
                ("%s in %s: `%s` names `%s`"):format(name, phase, field, other)
              )
            end
          end
        end
      end
      recipes:check()
    end,
  },
  {
    "what is built from one file is of one release, and the seed's compiler of the same as the system's",
    function()
      local version_of, shared = {}, 0
      for _, name in ipairs(names) do
        local data = recipes:get(name).data
        for _, alternatives in pairs(places.of(data)) do
          for _, place in ipairs(alternatives) do
            local file = place.sha256 or place.url or place.debian
            local known = version_of[file]
            check.truthy(not known or known == data.version, ("%s: %s, not %s"):format(name, data.version, known))
            shared = shared + (known and 1 or 0)
            version_of[file] = data.version
          end
        end
      end
      check.truthy(shared > 0)
      local release = recipes:get("clang").data.version
      check.equal(recipes:get("clang-headers").data.version, release)
      for _, arch in ipairs { "x86_64", "aarch64" } do
        local found = {}
        for _, package in ipairs(debian_lock.shipped(arch).packages) do
          found[#found + 1] = package.pool:match "/clang%-%d+_([%d.]+)"
        end
        check.equal({ arch, table.unpack(found) }, { arch, release })
      end
    end,
  },
  {
    "a change of a text file of the root builds no step of `system` again",
    function()
      -- What the base of `system` has of such files would be in the keys of all its steps.
      for name in pairs(phases.rootfs) do
        local data = recipes:get(name).data
        check.equal({ name, data.files ~= nil and data.in_base ~= false }, { name, false })
      end
      check.truthy(phases.rootfs.etc and phases.system.etc)
    end,
  },
  {
    "all of them together make a plan, for both machines",
    function()
      local missing = {}
      for _, name in ipairs(names) do
        local is_there = false
        for _, packages in pairs(phases) do
          is_there = is_there or packages[name]
        end
        missing[#missing + 1] = not is_there and name or nil
      end
      for _, arch in ipairs { "x86_64", "aarch64" } do
        local all = phases_of(
          dry_run("--set=full", "--arch", arch, #missing > 0 and "--with=" .. table.concat(missing, ",") or nil)
        )
        for _, name in ipairs(missing) do
          check.truthy(all.tools[name] or all.system[name], name)
        end
      end
    end,
  },
  {
    "the scripts of the shell that recipes hold are ones",
    function()
      local count = 0
      for _, name in ipairs(names) do
        for path, text in pairs(recipes:get(name).data.files or {}) do
          if text:find "^#!/bin/sh\n" then
            fs.write("script", text)
            local status = process.run { argv = { "/bin/sh", "-n", "script" }, stderr = "capture" }
            check.truthy(status.ok, ("%s: %s: %s"):format(name, path, status.stderr))
            count = count + 1
          end
        end
      end
      check.truthy(count >= 5, count)
    end,
  },
  {
    "the examples of systems make plans, for both machines, with what they name and nothing of the large sets",
    function()
      local expected = {
        minimal = { system = { "seed-clang" } },
        appliance = {
          -- stylua: ignore
          system = { "ca-certificates", "curl", "dropbear", "e2fsprogs", "libarchive", "mbedtls", "seed-clang", "zlib" },
        },
        workbench = { tools = { "fossil", "git", "lua", "sqlite" } },
      }
      for _, file in ipairs(fs.list(root .. "/scripts/systems")) do
        local name = file:match "^(.+)%.lua$"
        for _, arch in ipairs(name and { "x86_64", "aarch64" } or {}) do
          local path = ("%s/scripts/systems/%s"):format(root, file)
          local text = dry_run("--system", path, "--arch", arch)
          check.contains(text, ("plan: system %s by set "):format(name))
          local planned = phases_of(text)
          for phase, packages in pairs(expected[name] or {}) do
            check.equal(tables.names(planned[phase]), packages, name)
          end
          check.truthy(planned.image.linux and planned.host.e2fsprogs, name .. " is on a disk")
          check.truthy(name == "workbench" or not planned.sysroot.llvm, name)
        end
      end
    end,
  },
}
