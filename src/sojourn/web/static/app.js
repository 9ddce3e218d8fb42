// What pages do in the browser beyond htmx: palette, keys, lists, menus, preferences, what is said aloud. No page needs it to be read.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const root = document.documentElement;

// --- preferences: the server reads the same cookies, so the next page is drawn right from the start
function prefer(name, value) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax${secure}`;
  root.dataset[name] = value;
  for (const button of $$(`button[data-set="${name}"]`)) button.setAttribute("aria-pressed", String(button.value === value));
}

// --- saying things
function say(text) {
  $("#live").textContent = "";
  setTimeout(() => { $("#live").textContent = text; }, 60);
}

function toast(text) {
  const made = $("#toast").content.cloneNode(true);
  $("[data-text]", made).textContent = text;
  $("#toasts").append(made);
  const shown = $("#toasts").lastElementChild;
  setTimeout(() => shown.remove(), 8000);
}

// --- dialogs
const palette = $("#palette");

function openDialog(id) {
  const dialog = document.getElementById(id);
  if (!dialog || dialog.open) return;
  closeMenus();
  dialog.showModal();
  if (dialog === palette) {
    const input = $("#palette-input");
    input.value = "";
    input.focus();
    input.form.dispatchEvent(new Event("fill"));
  }
}

// --- the palette: focus stays in the input, the chosen option is pointed at
const options = () => $$("#palette-list [role=option]:not([aria-disabled])");

function choose(option) {
  for (const each of options()) each.setAttribute("aria-selected", String(each === option));
  const input = $("#palette-input");
  if (option) input.setAttribute("aria-activedescendant", option.id);
  else input.removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}

function paletteKey(event) {
  const all = options();
  const at = all.findIndex((each) => each.getAttribute("aria-selected") === "true");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && all.length) choose(all[(at + step + all.length) % all.length]);
  else if (event.key === "Enter") all[at]?.click();
  else return;
  event.preventDefault();
}

// --- lists: arrows move through rows, and from the search box into them
function rowKey(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const search = event.target.closest("[data-into]");
  const list = search ? $(search.dataset.into) : event.target.closest("[data-rows]");
  if (!list) return false;
  const rows = $$("[data-row]", list);
  const at = rows.indexOf(event.target.closest("[data-row]"));
  if (search && event.key === "Enter" && rows.length === 1) rows[0].click();
  else if (!step) return false;
  else if (step < 0 && at === 0) $("[data-search]")?.focus();
  else if (!(search && step < 0)) rows[Math.min(at + step, rows.length - 1)]?.focus();
  event.preventDefault();
  return true;
}

// --- keys shown on buttons and links press them: one letter, or two in a row
const typing = (element) => element.closest("input, textarea, select, [contenteditable]") && !["button", "submit", "checkbox", "radio"].includes(element.type);
let pending = "";
let pendingUntil = 0;

function shownKey(event) {
  if (root.dataset.keys === "off" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const sequence = performance.now() < pendingUntil ? `${pending} ${event.key}` : event.key;
  const shown = $$("[data-key]").filter((each) => each.dataset.key === sequence && ("always" in each.dataset || each.checkVisibility()));
  const found = shown.find((each) => each.closest("main")) ?? shown[0]; // what a page does with a key goes before a place beside it
  if (found) {
    event.preventDefault();
    pending = "";
    found.click();
  } else {
    pending = event.key.length === 1 ? event.key : "";
    pendingUntil = performance.now() + 900;
  }
}

function searchHere(event) {
  event.preventDefault();
  const search = $("[data-search]");
  search?.closest("details")?.setAttribute("open", "");
  if (search) { search.focus(); search.select(); } else openDialog("palette");
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    if (palette?.open) palette.close(); else openDialog("palette");
  } else if (palette?.open) paletteKey(event);
  else if ($("dialog[open]") || rowKey(event)) return;
  else if (event.key === "Escape") closeMenus(true);
  else if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  else if (event.key === "/" && root.dataset.keys !== "off") searchHere(event);
  else if (event.key === "?" && root.dataset.keys !== "off") openDialog("shortcuts");
  else shownKey(event);
});

// --- menus: one at a time, closed by Escape and by a click elsewhere
function closeMenus(refocus = false, except = null) {
  for (const menu of $$("details[data-menu][open]")) {
    if (menu === except) continue;
    menu.open = false;
    if (refocus) $("summary", menu).focus();
  }
}

document.addEventListener("click", (event) => {
  const target = event.target;
  closeMenus(false, target.closest("details[data-menu]"));
  const opener = target.closest("[data-open]");
  if (opener) openDialog(opener.dataset.open);
  if (target.closest("[data-close]")) target.closest("dialog").close();
  if (target.closest("[data-print]")) print();
  const whole = target.closest("[data-side]"); // on a telephone the chart's side is one line; this shows it whole
  if (whole) whole.setAttribute("aria-expanded", whole.closest("nav").classList.toggle("whole"));
  const copied = target.closest("[data-copy]");
  if (copied) {
    const source = document.getElementById(copied.dataset.copy);
    source.select();
    navigator.clipboard?.writeText(source.value).then(() => toast("Copied."), () => {});
  }
  if (target.closest("[data-dismiss]")) target.closest(".toast").remove();
  if (target.matches("dialog[open]")) target.close(); // the backdrop belongs to the dialog
  const preference = target.closest("button[data-set]");
  if (preference) {
    event.preventDefault();
    prefer(preference.dataset.set, preference.value);
  }
});

// --- a table wider than its place can be scrolled with the keyboard too
function reachScrolling() {
  for (const each of $$(".scroll")) {
    if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
    else each.removeAttribute("tabindex");
  }
}
reachScrolling();
addEventListener("resize", reachScrolling);

// --- a form that saves itself does so a moment after the last key: whoever leaves before that takes nothing along, so it is sent now
const unsent = new Set();
const underWay = new Set(); // sent, and not answered: a page that goes away takes such a request with it
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[hx-trigger*='input delay']:not([role=search])");
  if (form) unsent.add(form);
});
document.addEventListener("htmx:before:request", (event) => { if (unsent.delete(event.target)) underWay.add(event.target); });
document.addEventListener("htmx:after:request", (event) => underWay.delete(event.target));
document.addEventListener("submit", (event) => [unsent, underWay].forEach((each) => each.delete(event.target)));

function sendUnsent() {
  for (const form of new Set([...unsent, ...underWay])) {
    const fields = new FormData(form);
    for (const [name, value] of Object.entries(JSON.parse(form.getAttribute("hx-vals") ?? "{}"))) fields.set(name, value);
    fetch(form.getAttribute("hx-post"), { method: "POST", body: new URLSearchParams(fields), headers: { "HX-Request": "true" }, keepalive: true });
  }
  unsent.clear();
  underWay.clear();
}
addEventListener("beforeunload", sendUnsent);
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") sendUnsent(); });

// --- what is asked only for some choices is shown with them; without a script all of it is there
function askWhatCounts() {
  for (const field of $$("[data-when]")) field.hidden = !field.dataset.when.trim().split(" ").includes($(`#${field.dataset.of}`).value);
}
askWhatCounts();
document.addEventListener("change", askWhatCounts);

// --- after htmx has put something in
document.addEventListener("htmx:after:swap", () => {
  reachScrolling();
  if (palette?.open) choose(options()[0]);
  const said = $("dialog[open] [data-say]") ?? $("main [data-say]");
  if (said) say(said.textContent);
});

document.addEventListener("htmx:error", () => toast("The server cannot be reached. Nothing was lost: try again in a moment."));

$("[data-focus]")?.focus();
$(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
for (const shown of $$("#toasts > .toast")) setTimeout(() => shown.remove(), 8000);
