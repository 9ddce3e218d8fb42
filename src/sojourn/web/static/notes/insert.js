// Put words into a note without leaving the keyboard: `.abbr` and the tabulator, or the picker with what the chart holds.
const picker = document.getElementById("picker");
const input = document.getElementById("picker-input");
const list = document.getElementById("picker-list");
const snippets = new Map([...document.querySelectorAll("#snippets > li")].map((each) => [each.dataset.abbr, each.textContent]));

let target = null;
let pieces = null;
let placed = false;

function put(area, text, start, end) {
  area.focus();
  area.setSelectionRange(start, end);
  if (!document.execCommand("insertText", false, text)) { // keeps the undo of the browser, where it can
    area.setRangeText(text, start, end, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

// `.abbr` before the cursor becomes its words; anything else leaves the key what it is.
export function expand(event) {
  const area = event.target;
  if (event.key !== "Tab" || event.shiftKey || !area.matches?.("textarea[data-section]") || area.selectionStart !== area.selectionEnd) return false;
  const found = area.value.slice(0, area.selectionStart).match(/(?:^|\s)\.([a-z0-9][a-z0-9-]{0,19})$/);
  if (!found || !snippets.has(found[1])) return false;
  event.preventDefault();
  put(area, snippets.get(found[1]), area.selectionStart - found[1].length - 1, area.selectionStart);
  return true;
}

const options = () => [...list.querySelectorAll("[role=option]")];

function point(option) {
  for (const each of options()) each.setAttribute("aria-selected", String(each === option));
  if (option) input.setAttribute("aria-activedescendant", option.id);
  else input.removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}

function drawn(piece, number) {
  const option = document.createElement("div");
  option.setAttribute("role", "option");
  option.setAttribute("aria-selected", "false");
  option.id = `piece-${number}`;
  const words = document.createElement("span");
  words.textContent = piece.label;
  option.append(words);
  if (piece.abbr) {
    const key = document.createElement("kbd");
    key.textContent = `.${piece.abbr} ⇥`;
    option.append(key);
  }
  option.addEventListener("click", () => choose(piece));
  return option;
}

function draw() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const fitting = pieces.filter((p) => words.every((w) => `${p.group} ${p.label} ${p.abbr} ${p.text}`.toLowerCase().includes(w)));
  const parts = [];
  let group = "";
  for (const [number, piece] of fitting.entries()) {
    if (piece.group !== group) {
      group = piece.group;
      const heading = document.createElement("div");
      heading.className = "group quiet";
      heading.setAttribute("role", "presentation");
      heading.textContent = group;
      parts.push(heading);
    }
    parts.push(drawn(piece, number));
  }
  list.replaceChildren(...parts);
  if (!fitting.length) {
    const nothing = document.createElement("div");
    nothing.className = "empty";
    nothing.setAttribute("role", "option");
    nothing.setAttribute("aria-disabled", "true");
    nothing.textContent = pieces.length ? "Nothing fits these words." : "There is nothing to put in.";
    list.append(nothing);
  }
  point(options().find((each) => !each.hasAttribute("aria-disabled")));
}

function choose(piece) {
  picker.close();
  placed = target !== null;
  if (target) put(target.area, piece.text, target.start, target.end);
}

export async function pick(form) {
  const area = document.activeElement?.matches("textarea[data-section]") ? document.activeElement : target?.area ?? form.querySelector("textarea[data-section]");
  target = { area, start: area.selectionStart, end: area.selectionEnd };
  input.value = "";
  list.replaceChildren();
  picker.showModal();
  input.focus();
  try {
    const answer = pieces ? null : await fetch(form.dataset.insert, { method: "POST", redirect: "manual", headers: { "X-CSRF-Token": form.elements.csrf.value } });
    if (answer?.ok) pieces = (await answer.json()).pieces;
  } catch {
    pieces = null;
  }
  if (!pieces) pieces = [...snippets].map(([abbr, text]) => ({ group: "Snippets", label: abbr, text, abbr }));
  draw();
}

// The last place of the cursor, so that the button beside the form knows where words go.
export function remember(event) {
  if (event.target.matches?.("textarea[data-section]")) target = { area: event.target, start: event.target.selectionStart, end: event.target.selectionEnd };
}

// The browser tells of the closing later than it closes: whoever has put words in may be a field further by then, and stays there.
picker.addEventListener("close", () => {
  if (!placed) target?.area.focus();
  placed = false;
});
input.addEventListener("input", () => { if (pieces) draw(); });
picker.addEventListener("keydown", (event) => {
  const all = options().filter((each) => !each.hasAttribute("aria-disabled"));
  const at = all.findIndex((each) => each.getAttribute("aria-selected") === "true");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && all.length) point(all[(at + step + all.length) % all.length]);
  else if (event.key === "Enter") all[at]?.click();
  else return;
  event.preventDefault();
});
