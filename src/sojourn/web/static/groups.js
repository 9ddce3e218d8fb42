// A group session by keyboard: digits answer, enter goes to the next question, ctrl+enter goes on, a dot and a word put a snippet in.
const form = document.querySelector("[data-group]");
const fields = () => [...form.querySelectorAll("input:not([type=hidden]), textarea, select")].filter((each) => each.checkVisibility() && !each.closest("details:not([open])"));

// The turn of what is sent: an older save that arrives late never undoes a newer one.
function stamp() { if (form) form.elements.turn.value = String(Date.now()); }

function enter(next) {
  const group = next?.closest("[data-digits]");
  (group?.querySelector(":checked") ?? next)?.focus();
}

// What comes after a question: where its answer leads, else the next field.
function after(fieldset, chosen) {
  const named = chosen?.dataset.to && document.querySelector(chosen.dataset.to);
  if (named) { enter(named.matches("fieldset") ? named.querySelector("input") : named); return; }
  const all = fields();
  enter(all[all.indexOf(all.filter((each) => fieldset.contains(each)).pop()) + 1]);
}

function digit(event) {
  const fieldset = event.target.closest?.("[data-digits]");
  if (!fieldset || !["radio", "checkbox"].includes(event.target.type)) return false;
  if (event.key === "Enter") { after(fieldset); return true; }
  if (!/^[1-9]$/.test(event.key)) return false;
  const chosen = fieldset.querySelectorAll("input[type=radio], input[type=checkbox]")[Number(event.key) - 1];
  if (!chosen) return false;
  chosen.focus();
  chosen.click();
  if ("auto" in fieldset.dataset) after(fieldset, chosen);
  return true;
}

// Enter in a field of one line goes to the next field: it never sends the form by accident.
function line(event) {
  if (event.key !== "Enter" || event.target.tagName !== "INPUT" || ["radio", "checkbox"].includes(event.target.type) || !form.contains(event.target)) return false;
  const to = event.target.dataset.to && document.querySelector(event.target.dataset.to);
  const all = fields();
  enter(to ? to.querySelector("input, textarea") ?? to : all[all.indexOf(event.target) + 1]);
  return true;
}

function snippet(event) {
  const area = event.target;
  if (event.key !== "Tab" || event.shiftKey || area.tagName !== "TEXTAREA" || area.selectionStart !== area.selectionEnd) return false;
  const word = /(?:^|\s)\.([a-z0-9-]+)$/.exec(area.value.slice(0, area.selectionStart));
  const found = word && document.querySelector(`template[data-snippet="${CSS.escape(word[1])}"]`);
  if (!found) return false;
  area.setRangeText(found.content.textContent, area.selectionStart - word[1].length - 1, area.selectionStart, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
  return true;
}

document.addEventListener("keydown", (event) => {
  let done = false;
  if (event.ctrlKey && event.key === "Enter") { document.querySelector("[data-next]")?.click(); done = true; }
  else if (event.altKey && event.key === "ArrowDown") { document.querySelector("[data-next]")?.click(); done = true; }
  else if (event.altKey && event.key === "ArrowUp") { document.querySelector("[data-previous]")?.click(); done = true; }
  else if (form && !event.ctrlKey && !event.altKey && !event.metaKey) done = digit(event) || snippet(event) || line(event);
  if (done) { event.preventDefault(); event.stopImmediatePropagation(); }
}, true);

if (form) {
  form.addEventListener("input", stamp, true);
  form.addEventListener("submit", (event) => {
    stamp();
    if (form.dataset.sent) event.preventDefault(); // a second press while it is on its way
    form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => { delete form.dataset.sent; });
  const risk = form.querySelector("[name=risk_note]");
  form.addEventListener("change", (event) => {
    if (event.target.name !== "risk" || event.target.value === "none" || !risk) return;
    const folded = risk.closest("details");
    if (folded) folded.open = true;
    (event.target.value === "present" && form.querySelector("[name=done]") || risk).focus();
  });
  (form.querySelector("[data-begin]") ?? fields().find((each) => "words" in each.dataset && !each.value) ?? fields()[0])?.focus();
}
const sign = document.querySelector("#sign");
sign?.addEventListener("submit", (event) => { if (sign.dataset.sent) event.preventDefault(); sign.dataset.sent = "yes"; });
