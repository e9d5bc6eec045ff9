"use strict";
const data = JSON.parse(document.getElementById("page-data").textContent);
const make = (name, text, kind) => {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = text;
  if (kind) made.className = kind;
  return made;
};
const put = (text, button) => {
  const done = () => { const was = button.textContent; button.textContent = "Copied"; setTimeout(() => { button.textContent = was; }, 1200); };
  const byHand = () => { // a page that was opened from a file may not write the clipboard
    const area = make("textarea", text);
    document.body.append(area); area.select(); document.execCommand("copy"); area.remove(); button.focus(); done();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, byHand); else byHand();
};
const sides = (box) => { // what is wider than its box fades on the side where there is more of it
  box.classList.toggle("more-left", box.scrollLeft > 1);
  box.classList.toggle("more-right", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
};
const sized = new ResizeObserver((found) => found.forEach((one) => sides(one.target.closest(".scroll"))));
function fading(box) {
  sized.observe(box);
  sized.observe(box.firstElementChild);
  box.addEventListener("scroll", () => sides(box), {passive: true});
}
const textOf = (cell) => Array.isArray(cell) ? cell[0] : cell;
const keyOf = (cell) => Array.isArray(cell) ? cell[1] : cell;
const compare = (a, b) => {
  const x = keyOf(a), y = keyOf(b);
  if (x === null || x === "") return y === null || y === "" ? 0 : 1;
  if (y === null || y === "") return -1;
  return typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", {numeric: true});
};

function table(root) {
  const known = data.tables[root.dataset.table];
  const body = root.querySelector("tbody"), more = root.querySelector(".more"), count = root.querySelector(".count");
  const input = root.querySelector("input"), heads = [...root.querySelectorAll("th")];
  let order = known.rows.map((_, place) => place), shown = 100, sorted = -1, down = false;
  const draw = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = order.filter((place) => {
      const line = known.rows[place].map(textOf).join("\t").toLowerCase();
      return words.every((word) => line.includes(word));
    });
    body.replaceChildren(...kept.slice(0, shown).map((place) => row(place)));
    more.hidden = kept.length <= shown;
    count.textContent = kept.length === known.rows.length ? `${kept.length} rows` : `${kept.length} of ${known.rows.length} rows`;
    return kept;
  };
  const row = (place) => {
    const made = make("tr");
    known.rows[place].forEach((cell, column) => {
      const td = make("td");
      td.className = known.numeric.includes(column) ? "n" : known.widths[column];
      if (known.states === column) td.className += ` state s-${textOf(cell)}`;
      const link = column === 0 && known.links[place];
      if (link) { const a = make("a", textOf(cell)); a.href = link; td.append(a); } else td.textContent = textOf(cell);
      made.append(td);
    });
    if (known.trials.length) mark(made, known.trials[place]);
    return made;
  };
  heads.forEach((head, column) => {
    const button = make("button", head.textContent);
    button.type = "button";
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      down = sorted === column ? !down : known.numeric.includes(column);
      sorted = column;
      order.sort((a, b) => {
        const found = compare(known.rows[a][column], known.rows[b][column]);
        const empty = [a, b].some((one) => ["", null].includes(keyOf(known.rows[one][column])));
        return (down && !empty ? -found : found) || a - b;
      });
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      draw();
    });
  });
  input.addEventListener("input", () => { shown = 100; draw(); });
  more.addEventListener("click", () => { shown += 400; draw(); });
  root.querySelector(".copy-rows").addEventListener("click", (event) => {
    const lines = [heads.map((head) => head.textContent), ...draw().map((place) => known.rows[place].map(textOf))];
    put(lines.map((line) => line.map((cell) => String(cell).replace(/[\t\n]/g, " ")).join("\t")).join("\n"), event.target);
  });
  root.querySelector(".tools").hidden = known.rows.length < 2;
  root.querySelector(".tools label").hidden = root.querySelector(".count").hidden = known.rows.length < 11;
  draw();
}

let hot = null;
function highlight(trial) {
  if (trial === hot) return;
  hot = trial;
  document.querySelectorAll("[data-trial].hot").forEach((one) => one.classList.remove("hot"));
  if (trial === null) return;
  document.querySelectorAll(`[data-trial="${trial}"]`).forEach((one) => {
    one.classList.add("hot");
    if (one.ownerSVGElement) one.parentNode.append(one); // above the others
  });
}
function mark(element, trial) {
  element.dataset.trial = trial;
  element.tabIndex = 0;
  if (String(trial) === hot) element.classList.add("hot");
}
const trialOf = (event) => { const found = event.target.closest && event.target.closest("[data-trial]"); return found ? found.dataset.trial : null; };
document.addEventListener("mouseover", (event) => { const trial = trialOf(event); if (trial !== null) highlight(trial); });
document.addEventListener("focusin", (event) => { const trial = trialOf(event); if (trial !== null) highlight(trial); });

const panel = document.getElementById("panel");
let opener = null;
function pairs(rows, links) {
  const list = make("dl");
  rows.forEach(([name, value], place) => {
    const one = make("div"), dd = make("dd"), step = links && links[place];
    if (step) { const a = make("a", value); a.href = `#${encodeURI(`step=${step}`)}`; dd.append(a); } else dd.textContent = value;
    one.append(make("dt", name), dd);
    list.append(one);
  });
  return list;
}
function part(given) {
  const parts = [make("h3", given.title)];
  if (given.pairs) parts.push(pairs(given.pairs, given.links));
  if (given.text) { const text = make("pre", given.text); text.tabIndex = 0; parts.push(text); }
  if (given.rows) {
    const made = make("table"), head = make("tr"), box = make("div", null, "scroll");
    given.columns.forEach((column) => { const th = make("th", column); th.scope = "col"; head.append(th); });
    made.append(head);
    given.rows.forEach((row) => { const tr = make("tr"); row.forEach((cell) => tr.append(make("td", cell))); made.append(tr); });
    box.tabIndex = 0;
    box.append(made);
    fading(box);
    parts.push(box);
  }
  return parts;
}
function openPanel(found) {
  document.getElementById("panel-title").textContent = found.title;
  document.getElementById("panel-body").replaceChildren(...found.parts.flatMap(part));
  if (!panel.open) panel.showModal();
  panel.scrollTop = 0;
}
// The address names the step that is open, so that it can be sent, and the browser's Back closes it.
const address = () => { try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; } };
const depth = () => (history.state && history.state.depth) || 0; // steps that were opened one from another
let leaving = false;
function follow() {
  const name = address();
  leaving = false;
  if (Object.hasOwn(data.details, name)) openPanel(data.details[name]);
  else if (panel.open) panel.close();
  else if (name.startsWith("step=")) findStep(name.slice(5));
}
function findStep(name) { // the page has no details of it
  const root = document.querySelector("[data-table=steps]");
  if (!root) return;
  root.querySelector("input").value = name;
  root.querySelector("input").dispatchEvent(new Event("input"));
  root.querySelector(".tools label").hidden = false;
  root.scrollIntoView();
}
function visit(link) {
  if (!panel.open) opener = link;
  const href = link.getAttribute("href");
  if (href !== location.hash) history.pushState({depth: depth() + 1}, "", href);
  follow();
}
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#step=']"), button = event.target.closest("button.copy");
  if (button) put(button.parentNode.querySelector("code").textContent, button);
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (leaving) addEventListener("popstate", () => visit(link), {once: true}); else visit(link);
});
addEventListener("popstate", follow);
document.getElementById("panel-close").addEventListener("click", () => panel.close());
panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });
panel.addEventListener("close", () => {
  if (panel.open) return; // another step was opened meanwhile
  if (address().startsWith("step=")) {
    leaving = depth() > 0;
    if (leaving) history.go(-depth()); else history.replaceState(null, "", location.pathname + location.search);
  }
  if (opener && opener.focus) opener.focus();
  opener = null;
});
document.querySelectorAll("[data-table]").forEach(table);
document.querySelectorAll(".scroll").forEach(fading);
follow();
