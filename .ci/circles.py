# Finds files of `src` that need each other in a circle: imports go down, never back. Reads `use` lines and paths in code, not
# those of tests. usage: python3 .ci/circles.py
import os
import re
import sys

files = {}
for folder, _, names in os.walk("src"):
    for name in names:
        if name.endswith(".rs"):
            path = os.path.join(folder, name)
            module = os.path.relpath(path, "src")[:-3].split("/")
            if module[-1] == "mod":
                module.pop()
            files[() if module == ["main"] else tuple(module)] = path


def nearest(path):
    """The file that a path of modules and items leads to."""
    for length in range(len(path), 0, -1):
        if tuple(path[:length]) in files:
            return tuple(path[:length])
    return None


def absolute(module, path):
    """A path as it is seen from the top; None if it leads out of the crate."""
    parts = path.split("::")
    if parts[0] == "crate":
        return parts[1:]
    if parts[0] == "self":
        return list(module) + parts[1:]
    if parts[0] == "super":
        here = list(module)
        while parts and parts[0] == "super":
            here, parts = here[:-1], parts[1:]
        return here + parts
    return list(module) + parts if module + (parts[0],) in files else None


def leaves(tree):
    """The paths of a `use` with braces, one by one."""
    found = re.match(r"^(.*?)\{(.*)\}$", tree.strip(), re.S)
    if not found:
        return [tree.strip().split(" as ")[0]]
    parts, depth, word = [], 0, ""
    for char in found.group(2) + ",":
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == "," and depth == 0:
            parts.append(word.strip())
            word = ""
        else:
            word += char
    return [leaf for part in parts if part for leaf in leaves(found.group(1) + part)]


needs = {}
for module, path in files.items():
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"//[^\n]*", "", file.read().split("#[cfg(test)]")[0])
    paths = [leaf for tree in re.findall(r"\buse\s+([^;]+);", text) for leaf in leaves(tree)]
    paths += re.findall(r"\b(?:crate|super)(?:::\w+)+", text)
    paths += [f"{name}::x" for name in re.findall(r"\b(\w+)::\w", text) if module + (name,) in files]
    found = [absolute(module, one) for one in paths]
    needs[module] = {nearest(one) for one in found if one} - {module, None}

order, low, stack, circles = {}, {}, [], []


def visit(module):
    """Tarjan's strongly connected components."""
    order[module] = low[module] = len(order)
    stack.append(module)
    for other in needs.get(module, ()):
        if other not in order:
            visit(other)
            low[module] = min(low[module], low[other])
        elif other in stack:
            low[module] = min(low[module], order[other])
    if low[module] == order[module]:
        circle = []
        while not circle or circle[-1] != module:
            circle.append(stack.pop())
        if len(circle) > 1:
            circles.append(circle)


for module in list(needs):
    if module not in order:
        visit(module)
for circle in circles:
    print("files that need each other: " + ", ".join(sorted(files[module] for module in circle)))
sys.exit(1 if circles else 0)
