// The editor of a note: nothing typed is lost, whatever happens to the line, the session or the other windows.
import { apply, Keeper, SAID, same, valuesOf } from "./autosave.js";
import * as conflict from "./conflict.js";
import { expand, pick, remember } from "./insert.js";
import * as vault from "./vault.js";

const form = document.getElementById("note");
const state = document.getElementById("save-state");
const tab = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
let theirs = null;
let leaving = false;

function told(now) {
  state.dataset.state = now;
  const when = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const text = now === "kept" ? `Kept ${when}` : SAID[now];
  if (state.firstChild?.textContent !== text) state.replaceChildren(text, ...act(now));
}

function act(now) {
  if (now === "signed-out") {
    const link = document.createElement("a");
    link.href = `${form.dataset.signin}?next=${encodeURIComponent(location.pathname)}`;
    link.textContent = "Sign in";
    return [" ", link];
  }
  if (now === "gone") {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    button.textContent = "Keep as a draft of its own";
    button.addEventListener("click", async () => {
      const path = await conflict.stashCopy(form, valuesOf(form));
      if (!path) return;
      await keeper.forget();
      leaving = true;
      location.href = path;
    });
    return [" ", button];
  }
  return [];
}

const keeper = new Keeper(form, tab, told, (other) => {
  theirs = other;
  conflict.show(form, other);
});
form.elements.tab.value = tab;

// Text that a window which is no more left in this browser: it goes on here.
async function comeBack() {
  const { sealed } = form.dataset;
  delete form.dataset.sealed;
  keeper.box = await vault.open(form.dataset.keyOf, sealed);
  if (!keeper.box) return;
  const open = await vault.windows();
  const left = Object.entries(await keeper.box.read()).filter(([name, kept]) => kept.draft === form.dataset.draft && !open.has(`window-${name.split(":")[1]}`));
  if (!left.length) {
    if (keeper.unsent) keeper.stash();
    return;
  }
  left.sort(([, one], [, other]) => other.at - one.at);
  const [[name, kept]] = left;
  const server = { stamp: keeper.stamp, values: valuesOf(form) };
  if (!same(kept.values, server.values)) {
    apply(form, kept.values);
    if (kept.stamp === server.stamp || name.endsWith(`:${form.dataset.last}`)) keeper.changed();
    else {
      keeper.edits += 1;
      keeper.stash();
      keeper.other(server);
    }
    if (keeper.stopped) await keeper.queue;
  }
  await keeper.forget([name]);
  if (keeper.unsent) keeper.stash();
  minutes();
}

function minutes() {
  const out = document.getElementById("minutes");
  const { start, stop, service } = form.elements;
  if (!out) return;
  const [from, to] = [start.value, stop.value].map((text) => text.split(":").map(Number));
  const long = start.value && stop.value ? to[0] * 60 + to[1] - from[0] * 60 - from[1] : 0;
  if (!start.value || !stop.value) out.textContent = "";
  else if (long <= 0) out.textContent = "It ends before it begins.";
  else {
    const codes = JSON.parse(form.dataset.fit)[service?.value] ?? [];
    const code = codes.find(([, low, high]) => low <= long && (!high || long <= high));
    out.textContent = `${long} minutes${code ? `: ${code[0]}` : codes.length ? ": no code of this service fits" : ""}`;
  }
}

form.addEventListener("input", () => { keeper.changed(); minutes(); });
form.addEventListener("focusout", remember);
form.addEventListener("keydown", (event) => {
  if (expand(event)) return;
  if (!(event.ctrlKey || event.metaKey)) return;
  if (event.key === "Enter") form.querySelector("[data-chord=enter]").click();
  else if (event.key.toLowerCase() === "i" && !event.shiftKey) pick(form);
  else return;
  event.preventDefault();
});
document.querySelector("[data-pick]").hidden = false;
document.querySelector("[data-pick]").addEventListener("click", () => pick(form));

// The page is left only when the server has everything.
form.addEventListener("submit", async (event) => {
  if (leaving) return;
  event.preventDefault();
  const { submitter } = event;
  if (submitter?.value === "discard" ? await keeper.forget().then(() => true) : await keeper.send()) {
    leaving = true;
    form.requestSubmit(submitter);
  } else if (keeper.stopped) document.getElementById("conflict").focus();
});
addEventListener("pageshow", () => { leaving = false; });
addEventListener("beforeunload", (event) => { if (!leaving && keeper.unsent && !keeper.stashed) event.preventDefault(); });
addEventListener("online", () => keeper.send());
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") keeper.look(); });
addEventListener("focus", () => keeper.look());

for (const button of document.querySelectorAll("[data-take]")) {
  button.addEventListener("click", async () => {
    if (!theirs || !(await conflict.take(form, button.dataset.take, theirs))) return;
    const { stamp } = theirs;
    theirs = null;
    minutes();
    await keeper.resolve(stamp);
  });
}

if (location.hash) document.querySelector(location.hash.replace(/[^#\w-]/g, ""))?.focus();
vault.holdWindow(tab);
minutes();
comeBack();
