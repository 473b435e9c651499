// Formats the Lua files of the repository, or with --check says which are not formatted, by the WASM build of StyLua, which
// has no command line of its own. usage: node stylua.cjs FOLDER_OF_STYLUA [--check | --write] < NAMES
const fs = require("node:fs");
const path = require("node:path");

const [folder, mode] = process.argv.slice(2);
const stylua = require(path.join(folder, "node_modules/@johnnymorganz/stylua"));

// The fields of stylua.toml that the project uses, and the enumeration of each that has one.
const FIELDS = {
  syntax: stylua.LuaVersion,
  column_width: null,
  indent_type: stylua.IndentType,
  indent_width: null,
  quote_style: stylua.QuoteStyle,
  call_parentheses: stylua.CallParenType,
};

const settings = [];
for (const line of fs.readFileSync("stylua.toml", "utf8").split("\n")) {
  if (/^\s*(#|$)/.test(line)) continue;
  const [, name, text, number] = /^(\w+) = (?:"(\w+)"|(\d+))$/.exec(line) ?? [];
  const value = text === undefined ? Number(number) : FIELDS[name]?.[text];
  if (!(name in FIELDS) || value === undefined || Number.isNaN(value)) {
    console.error(`error: stylua.toml: cannot read \`${line}\``);
    process.exit(1);
  }
  settings.push([name, value]);
}

// Formatting takes a config for itself.
function config() {
  const made = stylua.Config.new();
  for (const [name, value] of settings) made[name] = value;
  return made;
}

function format(text) {
  return stylua.formatCode(text, config(), undefined, stylua.OutputVerification.Full);
}

let wrong = 0;
for (const name of fs.readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const text = fs.readFileSync(name, "utf8");
  let formatted;
  try {
    formatted = format(text);
    // What it breaks in one go it may join in the next.
    for (let round = 0; mode === "--write" && round < 5; round++) formatted = format(formatted);
  } catch (error) {
    console.error(`error: ${name}: ${error}`);
    wrong++;
    continue;
  }
  if (formatted === text) continue;
  if (mode === "--write") {
    fs.writeFileSync(name, formatted);
    console.log(`formatted ${name}`);
  } else {
    const line = text.split("\n").findIndex((line, index) => line !== formatted.split("\n")[index]);
    console.error(`${name}:${line + 1}: not formatted`);
    wrong++;
  }
}
if (wrong > 0) process.exit(1);
