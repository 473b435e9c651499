-- The script of the report: search, what depends on what, zoom, sorting. The page is whole without it.
--
-- D: for each step the numbers of those that it names.
return [==[
"use strict";
(function () {
  const $ = (q, root) => Array.from((root || document).querySelectorAll(q));
  const by = (id) => document.getElementById(id);
  const above = D.map(() => []);
  D.forEach((list, i) => list.forEach((j) => above[j - 1].push(i + 1)));

  function reach(from, next) {
    const seen = new Set(), queue = [from];
    while (queue.length) {
      for (const j of next(queue.pop())) if (!seen.has(j)) { seen.add(j); queue.push(j); }
    }
    return seen;
  }

  // The graph: what a step depends on, and what depends on it.
  const graph = by("graph"), said = by("said");
  let shown = [];
  function clear() {
    for (const one of shown) one.classList.remove("me", "dn", "up");
    shown = [];
    graph.classList.remove("hl");
    said.textContent = "";
  }
  function mark(element, name) {
    if (element) { element.classList.add(name); shown.push(element); }
  }
  function show(number) {
    clear();
    const below = reach(number, (i) => D[i - 1]), over = reach(number, (i) => above[i - 1]);
    graph.classList.add("hl");
    mark(by("n" + number), "me");
    for (const i of below) mark(by("n" + i), "dn");
    for (const i of over) mark(by("n" + i), "up");
    const edges = (set, name) => {
      for (const i of set) for (const j of D[i - 1]) mark(by("e" + j + "_" + i), name);
    };
    edges(new Set([number, ...below]), "dn");
    for (const i of over) for (const j of D[i - 1]) if (j === number || over.has(j)) mark(by("e" + j + "_" + i), "up");
    said.textContent = N[number - 1] + ": depends on " + below.size + " steps by name, " + over.size + " depend on it";
  }
  for (const node of $(".nd", graph)) {
    const number = Number(node.id.slice(1));
    node.addEventListener("mouseenter", () => show(number));
    node.addEventListener("focus", () => show(number));
    node.addEventListener("mouseleave", clear);
  }

  // Links to a step open its page.
  function open() {
    const match = /^#s(\d+)$/.exec(location.hash), details = match && by("d" + match[1]);
    if (details) { details.open = true; details.scrollIntoView(); }
  }
  window.addEventListener("hashchange", open);
  open();

  // Search: tables, pages and the graph.
  const field = by("search");
  by("tools").hidden = false;
  field.addEventListener("input", () => {
    const word = field.value.trim().toLowerCase();
    let count = 0;
    N.forEach((name, i) => {
      const fits = !word || name.toLowerCase().includes(word);
      count += fits ? 1 : 0;
      by("d" + (i + 1)).hidden = !fits;
      const node = by("n" + (i + 1));
      if (node) node.classList.toggle("off", !fits);
    });
    for (const row of $("#steps tbody tr")) row.hidden = by("d" + row.dataset.s).hidden;
    by("count").textContent = word ? count + " of " + N.length + " steps" : "";
  });

  // Zoom: buttons, the wheel with Ctrl, and dragging.
  for (const svg of $("svg[data-zoom]")) {
    const whole = svg.getAttribute("viewBox").split(" ").map(Number);
    let view = whole.slice(), drag = null;
    const set = () => svg.setAttribute("viewBox", view.map((v) => v.toFixed(1)).join(" "));
    const zoom = (factor, x, y) => {
      const width = Math.min(whole[2], Math.max(whole[2] / 60, view[2] * factor)), ratio = width / view[2];
      view = [view[0] + (view[2] - view[2] * ratio) * x, view[1] + (view[3] - view[3] * ratio) * y, width, view[3] * ratio];
      set();
    };
    const bar = document.createElement("div");
    bar.className = "zoom";
    for (const [text, act] of [["+", () => zoom(0.7, 0.5, 0.5)], ["−", () => zoom(1 / 0.7, 0.5, 0.5)],
      ["fit", () => { view = whole.slice(); set(); }]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.title = "zoom " + svg.id;
      button.addEventListener("click", act);
      bar.append(button);
    }
    svg.parentElement.prepend(bar);
    svg.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const box = svg.getBoundingClientRect();
      zoom(event.deltaY < 0 ? 0.85 : 1 / 0.85, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    }, { passive: false });
    svg.addEventListener("pointerdown", (event) => { drag = { x: event.clientX, y: event.clientY, view: view.slice(), far: false }; });
    window.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const box = svg.getBoundingClientRect(), dx = event.clientX - drag.x, dy = event.clientY - drag.y;
      drag.far = drag.far || Math.abs(dx) + Math.abs(dy) > 4;
      if (!drag.far) return;
      view[0] = drag.view[0] - dx * view[2] / box.width;
      view[1] = drag.view[1] - dy * view[3] / box.height;
      set();
    });
    window.addEventListener("pointerup", () => { const was = drag; drag = null; svg.dataset.far = was && was.far ? "1" : ""; });
    svg.addEventListener("click", (event) => { if (svg.dataset.far) { event.preventDefault(); svg.dataset.far = ""; } }, true);
    svg.addEventListener("dragstart", (event) => event.preventDefault());
  }

  // Tables are sorted by a click on a head.
  for (const table of $("table.sort")) {
    $("th", table).forEach((head, column) => {
      head.tabIndex = 0;
      head.setAttribute("role", "button");
      const sort = () => {
        const down = head.dataset.down === "1", body = table.tBodies[0];
        const value = (row) => { const cell = row.cells[column]; return cell.dataset.v ? Number(cell.dataset.v) : cell.textContent; };
        const rows = Array.from(body.rows).sort((a, b) => {
          const x = value(a), y = value(b);
          return (x < y ? -1 : x > y ? 1 : 0) * (typeof x === "number" ? -1 : 1) * (down ? -1 : 1);
        });
        head.dataset.down = down ? "" : "1";
        body.append(...rows);
      };
      head.addEventListener("click", sort);
      head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
    });
  }
})();
]==]
